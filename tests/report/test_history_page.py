"""A report tells where a training started and what was changed on its way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finished_run import run as written

from talkingface.report.run_report import write_report
from talkingface.trainer.run_folder import RunFolder

START = {"part": "model", "path": "old<er>.pth", "sha256": "ab" * 32, "model": None, "step": None, "not_fitting": ["a"]}
CHANGE = {"step": 400, "time": "2026-11-27T03:00:00+01:00", "key": "learning_rate", "old": 1e-4, "new": 3e-5}


def test_start_and_changes_have_a_section(tmp_path: Path) -> None:
    run = RunFolder(written(tmp_path / "saved", "one", created="2026-01-02T10:00:00+00:00"))
    assert "Started from" not in write_report(run.path).read_text(encoding="utf-8")
    changes: list[Any] = [CHANGE | {"kind": "result"}]
    run.update_status(started_from=[START], changes=changes)
    page = write_report(run.path).read_text(encoding="utf-8")
    assert "Started from these weights" in page and "ab" * 32 in page and "old&lt;er&gt;.pth" in page
    text = (run.path / "report.md").read_text(encoding="utf-8")
    assert "## History" in text and "another program" in text and "after step" in text
    assert all(part in text for part in ("400", "learning_rate", "0.0001", "3e-05", "2026-11-27 03:00"))
