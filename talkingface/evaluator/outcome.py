"""What comes out of an evaluation: rows, files, what was left out and why."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkingface.evaluator.clip import ClipResult
from talkingface.evaluator.measuring import Measuring
from talkingface.evaluator.plots import plot_openings
from talkingface.evaluator.report import text_table, write_reports
from talkingface.evaluator.sets import add_set_scores
from talkingface.evaluator.stages import stage_table
from talkingface.evaluator.summary import Row, summarise
from talkingface.utils.errors import UserError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What came out."""

    rows: dict[str, Row]
    """`real`, `model`, `seen`, `new`, `cross`: mean values by metric name; rows without clips are absent."""
    table: str
    """The rows as text."""
    clips: list[ClipResult]
    failed: dict[str, str]
    """Clips left out, with the reason."""
    not_measured: dict[str, str]
    """Metrics that could not be taken, with the reason."""
    folder: Path
    videos: dict[str, tuple[Path, Path]]
    """Clip name to (real, generated) video."""


def conclude(
    results: list[ClipResult],
    measuring: Measuring,
    *,
    out_dir: Path,
    videos: Mapping[str, tuple[Path, Path]],
    protocol: Mapping[str, Any],
    facts: Mapping[str, Any],
    not_measured: Mapping[str, str] | None = None,
    plots: int = 6,
) -> Evaluation:
    """Write the report of all clips.

    Args:
        results: in order, those that failed included.
        measuring: how they were measured.
        out_dir: gets metrics.json, metrics.csv, evaluation.md and plots/.
        videos: clip name to (real, generated) video.
        protocol: how the numbers were taken, see report.py.
        facts: what else metrics.json tells.
        not_measured: what could not be taken besides metrics, with the reason.
        plots: clips whose opening curves are drawn, worst first.

    Raises:
        UserError: not one clip could be measured.
    """
    failed = {one.name: one.failed for one in results if one.failed is not None}
    if len(failed) == len(results):
        raise UserError(f"evaluate: none of {len(results)} clips could be measured; {next(iter(failed.values()))}")
    rows = summarise(results)
    add_set_scores(rows, results, measuring.metrics, measuring, out_dir)
    missing = {**measuring.not_measured(), **(not_measured or {})}
    stages = stage_table((one.speaker_seen, one.stages) for one in results if one.failed is None)
    usable = {name: both for name, both in videos.items() if name not in failed}
    report = {
        "format": 1, "clips": len(results) - len(failed), "rows": rows, "not_measured": missing, "stages": stages,
        "failed": [{"name": name, "reason": reason} for name, reason in failed.items()],
        "notes": {one.name: one.note for one in results if one.note},
        "videos": {name: [str(path) for path in both] for name, both in usable.items()},
        "protocol": dict(protocol), **facts, "per_clip": [one.plain() for one in results],
    }  # fmt: skip
    write_reports(out_dir, report, results, measuring.metrics)
    plot_openings(results, out_dir / "plots", most=plots)
    return Evaluation(
        rows=rows, table=text_table(rows, measuring.metrics, stages), clips=results, failed=failed,
        not_measured=missing, folder=out_dir, videos=usable,
    )  # fmt: skip


def failed_result(name: str, error: Exception, *, speaker_seen: bool | None = None) -> ClipResult:
    """A result that says why there is none: one broken clip does not end an evaluation."""
    reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    logger.warning("%s left out: %s", name, reason, exc_info=None if isinstance(error, UserError) else error)
    return ClipResult(name=name, speaker_seen=speaker_seen, failed=reason)
