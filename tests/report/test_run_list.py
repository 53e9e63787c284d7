"""`list --runs`: every run on lines that fit the terminal, with what it is about."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from finished_run import clip, evaluation, run

from talkingface.catalog.resolve import resolve
from talkingface.cli.program import main
from talkingface.config.loader import Overrides
from talkingface.config.plain import to_yaml
from talkingface.report.run_list import list_runs
from talkingface.utils.files import write_json, write_text


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two evaluated runs, and one that was cut short."""
    monkeypatch.chdir(tmp_path)
    for number, rate in ((1, 0.001), (2, 0.002)):
        created = f"2026-01-0{number}T10:00:00+00:00"
        folder = run(Path("saved"), f"M-toy-{number}", created=created, learning_rate=rate)
        evaluation(folder / "evaluation", [clip(name, 0.4 + 0.1 * number) for name in ("a/1", "a/2", "b/1")])
    cut = run(Path("saved"), "M-toy-3-wide", created="2026-01-03T10:00:00+00:00")
    status = {"model": "M", "dataset": "toy", "created": "2026-01-03T10:00:00+00:00", "finished": False}
    write_json(cut / "status.json", status | {"total_steps": 200, "note": "twice as wide,\nfor the talk"})
    return tmp_path / "saved"


def test_runs_are_listed_with_their_metrics(saved: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["list", "--runs"]) == 0
    title, *rest = capsys.readouterr().out.splitlines()
    assert title == "M on toy: saved/M-toy-..."
    heads, lines = rest[:2], rest[2:]
    assert heads[1].startswith("run  ") and "opening" in heads[0]
    assert [line.split()[0] for line in lines] == ["3-wide", "twice", "2", "1"]
    assert "0.600" in lines[2] and "finished" in lines[2] and "20 s" in lines[2]
    assert "40 of 200  unfinished" in lines[0] and lines[1] == "    twice as wide, for the talk"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_lines_fit_the_terminal_and_leave_nothing_out(
    saved: Path, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["list", "--runs"]) == 0
    out = capsys.readouterr().out
    assert all(len(line) <= width for line in out.splitlines())
    assert all(word in out for word in ("0.600", "0.500", "amplitude", "40 of 200", "twice as wide"))


def test_what_differs_from_the_layers_is_said(saved: Path):
    own = Overrides(flags={"learning_rate": "0.01", "max_steps": 40, "seed": 7, "num_workers": 0, "log_every": 1})
    config = resolve("HyperLipsBase", "demo", own).config
    folder = saved / "HyperLipsBase-demo-x"
    write_text(folder / "config.yaml", to_yaml(config, profile="quick"))
    status = {"model": "HyperLipsBase", "dataset": "demo", "finished": False, "profile": "quick"}
    write_json(folder / "status.json", status)
    write_text(
        folder / "metrics.jsonl", json.dumps({"step": 3, "split": "valid", "loss": 0.5, "psnr_mouth": 21.0}) + "\n"
    )
    listed = list_runs("saved")
    assert listed[0] == "HyperLipsBase on demo: saved/HyperLipsBase-demo-..."
    row = next(line for line in listed if line.startswith("x "))
    assert row.split() == ["x", "7", "3", "unfinished", "0.5", "21.00"]
    assert listed[listed.index(row) + 1] == "    profile quick with learning_rate 0.01, max_steps 40"

    config = resolve("HyperLipsBase", "demo", Overrides(flags={**own.flags, "max_steps": 50})).config
    write_text(saved / "HyperLipsBase-demo-y/config.yaml", to_yaml(config, profile="quick"))
    write_json(saved / "HyperLipsBase-demo-y/status.json", status)
    listed = list_runs("saved")
    assert listed[1] == "    all have profile quick with learning_rate 0.01", "said once for both"
    assert [line for line in listed if line.startswith("    max_steps")] == ["    max_steps 50", "    max_steps 40"]
