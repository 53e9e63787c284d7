"""What comes out of an evaluation, and its files: metrics.json, metrics.csv, evaluation.md, plots/ of the opening."""

from __future__ import annotations

import csv
import io
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from talkingface.evaluator.clip_result import ClipResult, from_curve, json_ready
from talkingface.evaluator.measured_video import CROP_SIZE
from talkingface.evaluator.metrics.base import Metric
from talkingface.evaluator.protocols.decoder import decoder_table
from talkingface.evaluator.protocols.dubbing import DubbingProtocol
from talkingface.evaluator.protocols.other_sound import FACE_R
from talkingface.evaluator.protocols.reconstruction import MODEL_ROWS
from talkingface.evaluator.scorer import Scorer
from talkingface.evaluator.summary import MEANS_TEXT, ROWS, Row, intervals, row_clips, summarise
from talkingface.evaluator.tables import ARROWS, aligned, by_reason, markdown_table, ranges_text, table
from talkingface.utils.errors import UserError
from talkingface.utils.files import atomic_path, write_json, write_text


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
    real, made = from_curve(result.opening_real), from_curve(result.opening_model)
    loud = from_curve(result.envelope)
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


logger = logging.getLogger(__name__)
FORMAT = 2
"""Of metrics.json. 1 had absolute paths of videos, and `stages` for the decoder's table."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Rows, clips and what was left out."""

    rows: dict[str, Row]
    """`real`, `model`, `seen`, `new`, `cross`, `silence`: mean values by metric name; rows without clips are absent."""
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


def write_evaluation(
    results: list[ClipResult],
    scorer: Scorer,
    *,
    out_dir: Path,
    videos: Mapping[str, tuple[Path, Path]],
    protocol: Mapping[str, Any],
    facts: Mapping[str, Any],
    not_measured: Mapping[str, str] | None = None,
    plots: int = 6,
) -> Evaluation:
    """Summarise all clips and write the files.

    Args:
        results: in order, those that failed included.
        scorer: how they were scored.
        out_dir: gets metrics.json, metrics.csv, evaluation.md and plots/.
        videos: clip name to (real, generated) video.
        protocol: how the numbers were taken, see `protocol_text`.
        facts: what else metrics.json tells.
        not_measured: what could not be taken besides metrics, with the reason.
        plots: clips whose opening curves are drawn, worst first.

    Raises:
        UserError: not one clip could be scored.
    """
    failed = {one.name: one.failed for one in results if one.failed is not None}
    if len(failed) == len(results):
        raise UserError(f"evaluate: none of {len(results)} clips could be measured; {next(iter(failed.values()))}")
    rows = summarise(results)
    for name, clips in row_clips(results).items():
        if name in MODEL_ROWS:
            rows[name] |= scorer.set_scores(clips, out_dir)
    missing = {**scorer.not_measured(), **(not_measured or {})}
    decoder = decoder_table((one.speaker_seen, one.decoder) for one in results if one.failed is None)
    usable = {name: both for name, both in videos.items() if name not in failed}
    report = {
        "format": FORMAT, "clips": len(results) - len(failed), "rows": rows, "not_measured": missing,
        "decoder": decoder, "failed": [{"name": name, "reason": reason} for name, reason in failed.items()],
        "notes": {one.name: one.note for one in results if one.note},
        "videos": {name: [relative_path(path, out_dir) for path in both] for name, both in usable.items()},
        "protocol": dict(protocol), **facts, "per_clip": [one.plain() for one in results],
    }  # fmt: skip
    write_files(out_dir, report, results, scorer.metrics)
    plot_openings(results, out_dir / "plots", most=plots)
    shown = [lines for lines in (table(rows, scorer.metrics), decoder) if lines]
    return Evaluation(
        rows=rows, table="\n".join(map(aligned, shown)), clips=results, failed=failed,
        not_measured=missing, folder=out_dir, videos=usable,
    )  # fmt: skip


def relative_path(path: Path, folder: Path) -> str:
    """Return a path as seen from a folder, so that a moved project finds it; unchanged on another drive of Windows."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return path.as_posix()


def failed_result(name: str, error: Exception, *, speaker_seen: bool | None = None) -> ClipResult:
    """Return a result that says why there is none: one broken clip does not end an evaluation."""
    reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    logger.warning("%s left out: %s", name, reason, exc_info=None if isinstance(error, UserError) else error)
    return ClipResult(name=name, speaker_seen=speaker_seen, failed=reason)


def protocol_text(
    metrics: Sequence[Metric], dubbing: Iterable[type[DubbingProtocol]] = (), **settings: Any
) -> dict[str, Any]:
    """Return how the numbers were taken, for metrics.json.

    Args:
        metrics: those that were asked for.
        dubbing: protocols by which clips were dubbed.
        settings: what else is to be told, such as the model's name.
    """
    return {
        "crop_size": CROP_SIZE,
        **settings,
        "measured_on": "the written mp4 files, decoded again; the real videos by the same code",
        "rows": ROWS,
        "means": MEANS_TEXT,
        **{key: text for one in dubbing for key, text in one.how.items()},
        "metrics": {
            one.name: {"unit": one.unit, "better": one.best, "type": one.metric_type, "how": one_line(type(one))}
            for one in metrics
        },
    }


def one_line(thing: type) -> str:
    """Return a class's docstring in one line: of a metric, its protocol."""
    return " ".join((thing.__doc__ or "").split())


def write_files(out_dir: Path, report: dict[str, Any], results: list[ClipResult], metrics: list[Metric]) -> None:
    """Write metrics.json (everything), metrics.csv (a line a clip and row) and evaluation.md (the table)."""
    report = {"intervals": intervals(results), **report}
    write_json(out_dir / "metrics.json", json_ready(report))
    write_text(out_dir / "metrics.csv", _csv(results, report["rows"], metrics))
    write_text(out_dir / "evaluation.md", _markdown(report, metrics))


def _markdown(report: dict[str, Any], metrics: list[Metric]) -> str:
    lines = ["# Evaluation", "", *markdown_table(table(report["rows"], metrics, report.get("intervals"))), ""]
    lines += [f"{report['clips']} clips, measured on the written videos. Real videos: what can be reached.", ARROWS]
    lines += [ranges_text(report["clips"]), ""]
    if decoder := report.get("decoder"):
        lines += ["", "Drawn faces before pasting, against the real ones, at the decoder's size:", ""]
        lines += [*markdown_table(decoder), ""]
    lines += [f"- not measured: {names} ({reason})" for names, reason in by_reason(report["not_measured"])]
    lines += [f"- left out: {one['name']} ({one['reason']})" for one in report["failed"]]
    lines += [f"- {name}: {note}" for name, note in report.get("notes", {}).items()]
    lines += [f"- {line}" for line in report.get("without_partner", [])]
    lines += ["", "## How each number is taken", ""]
    lines += [f"- **{one.title}**: {one_line(type(one))}" for one in metrics]
    return "\n".join(lines) + "\n"


def _csv(results: list[ClipResult], rows: dict[str, Row], metrics: list[Metric]) -> str:
    columns = [*[one.name for one in metrics], FACE_R]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["row", "clip", "sound_from", "speaker_seen", *columns, "failed"])
    for one in results:
        for name, scores in (("real", one.real), ("model", one.model), ("cross", one.cross), ("silence", one.silence)):
            sound = {"cross": one.sound_from, "silence": ""}.get(name, one.name)
            failed = one.failed or (one.cross_failed if name == "cross" else None)
            if scores or failed:
                seen = "" if one.speaker_seen is None else int(one.speaker_seen)
                values = ["" if scores.get(key) is None else scores[key] for key in columns]
                writer.writerow([name, one.name, sound or "", seen, *values, failed or ""])
    for name, row in rows.items():
        values = ["" if row.get(key) is None else row[key] for key in columns]
        writer.writerow([f"mean:{name}", "", "", "", *values, ""])
    return out.getvalue()
