"""What comes out of an evaluation: rows, files, what was left out and why.

Metrics of a set of clips: each clip leaves a file when it is scored; the rows' values are taken of all files.

Opening curves as pictures: when the mouth opens, really and generated, over the sound's loudness.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from talkingface.evaluator.measuring import Measuring
from talkingface.evaluator.metrics.base import ClipPair, Given, Metric, SetMetric
from talkingface.evaluator.protocols.decoder import stage_table
from talkingface.evaluator.report import text_table, write_reports
from talkingface.evaluator.results import ClipResult, curve, finite
from talkingface.evaluator.summary import POOLED_ROWS, Row, groups, summarise
from talkingface.utils.errors import UserError
from talkingface.utils.files import atomic_path

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


def part(out_dir: Path, clip: str, metric: str) -> Path:
    """Where a metric keeps what it needs of a clip: beside the clip's result."""
    return out_dir / "clips" / f"{clip}.{metric}.npz"


def save_parts(pair: ClipPair, metrics: list[Metric], out_dir: Path, clip: str) -> None:
    """Write what each metric of the set needs of one clip."""
    for one in set_metrics(metrics, pair):
        one.save(pair, part(out_dir, clip, one.name))


def add_set_scores(
    rows: Mapping[str, Row], results: list[ClipResult], metrics: list[Metric], given: Given, out_dir: Path
) -> None:
    """Put each metric's value into the model's rows with the clips' own sound; none where a clip's part is gone."""
    for name, clips in groups(results).items():
        for one in set_metrics(metrics, given) if name in POOLED_ROWS else ():
            parts = [part(out_dir, clip.name, one.name) for clip, _ in clips]
            whole = all(file.is_file() for file in parts)
            rows[name][one.name] = finite(one.of_set(parts)) if whole else None


def set_metrics(metrics: list[Metric], given: Given) -> list[SetMetric]:
    """Those of a set that can be taken."""
    return [one for one in metrics if isinstance(one, SetMetric) and one.not_measured(given) is None]


def plot_openings(results: list[ClipResult], folder: Path, *, most: int) -> list[Path]:
    """Write a PNG for the `most` clips with the lowest opening r, worst first; return the files."""
    good = [one for one in results if one.failed is None and one.opening_model]
    worst = sorted(good, key=lambda one: -2.0 if (r := one.model.get("opening_r")) is None else r)[:most]
    for stale in folder.glob("*.png"):
        stale.unlink()
    return [_plot(one, folder / f"{rank:02d}_{one.name.replace('/', '-')}.png") for rank, one in enumerate(worst, 1)]


def _plot(result: ClipResult, path: Path) -> Path:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    real, made, loud = curve(result.opening_real), curve(result.opening_model), curve(result.envelope)
    top = float(np.nanmax(np.concatenate([real, made, [0.01]]))) * 1.1
    times = np.arange(len(loud)) / result.fps
    axes.fill_between(times, loud / max(float(np.nanmax(loud)), 1e-9) * top, color="0.9", label="loudness")
    axes.plot(np.arange(len(real)) / result.fps, real, color="tab:blue", linewidth=1.4, label="real")
    axes.plot(np.arange(len(made)) / result.fps, made, color="tab:orange", linewidth=1.4, label="generated")
    r, amplitude = result.model.get("opening_r"), result.model.get("opening_amplitude")
    axes.set_title(f"{result.name}   r {_text(r)}   amplitude {_text(amplitude)}", fontsize=10)
    axes.set(xlabel="seconds", ylabel="mouth opening / interocular", ylim=(0, top), xlim=(0, None))
    axes.legend(loc="upper right", ncols=3, fontsize=8)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")
    return path


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
