"""An evaluation as files and text: metrics.json, metrics.csv, evaluation.md."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

from talkingface.evaluator.metrics.base import Metric
from talkingface.evaluator.protocols.reconstruction import SECONDS
from talkingface.evaluator.results import ClipResult, json_ready
from talkingface.evaluator.summary import FEWEST, RESAMPLES, ROWS, Interval, Row, intervals
from talkingface.utils.files import write_json, write_text

CROSS_TITLE = "opening r to the face's own clip →0"
ARROWS = "Arrows: which way is better (→1, →0, →real: nearest to; real: the real videos' value)."


def protocol(metrics: list[Metric], settings: dict[str, Any]) -> dict[str, Any]:
    """Return how the numbers were taken."""
    return {
        **settings,
        "measured_on": "the written mp4 files, decoded again; the real videos by the same code",
        "reference": "the clip's first face crop; the model sees the lower half of no other frame, and the first "
        f"{SECONDS:g} s from it on is not measured, where its own mouth would leak",
        "rows": ROWS,
        "means": "over clips, each once; medians for opening_lag and sync_offset; opening_amplitude is pooled over "
        "frames about their clip's mean; opening_r_pooled and opening_amplitude_mean give the other way for both",
        "cross": "opening_r and opening_amplitude against the clip whose sound was used; opening_r_face against the "
        "clip whose face was used (low is right)",
        "silence": "leakage_clips clips dubbed with digital silence of their own length; leakage alone is taken",
        "metrics": {
            one.name: {
                "unit": one.unit,
                "better": one.best,
                "type": one.metric_type,
                "how": " ".join((type(one).__doc__ or "").split()),
            }
            for one in metrics
        },
    }


def write_reports(out_dir: Path, report: dict[str, Any], results: list[ClipResult], metrics: list[Metric]) -> None:
    """Write metrics.json (everything), metrics.csv (a line a clip and row) and evaluation.md (the table)."""
    report = {"intervals": intervals(results), **report}
    write_json(out_dir / "metrics.json", json_ready(report))
    write_text(out_dir / "metrics.csv", _csv(results, report["rows"], metrics))
    write_text(out_dir / "evaluation.md", markdown(report, metrics))


def table(
    rows: dict[str, Row], metrics: list[Metric], ranges: dict[str, dict[str, Interval]] | None = None
) -> list[list[str]]:
    """Return heading and lines of text cells, a line a metric and a column a row; what nobody measured has no line.

    Args:
        rows: from `summarise`.
        metrics: in the order of the lines.
        ranges: from `intervals`; without them cells are bare values.
    """
    shown = [(one.name, heading(one), one.digits) for one in metrics]
    shown += [("opening_r_face", CROSS_TITLE, 3)]
    lines = [["", *(ROWS[name] for name in rows)], ["clips", *(str(int(row["clips"] or 0)) for row in rows.values())]]
    for key, title, digits in shown:
        if any(row.get(key) is not None for row in rows.values()):
            ends = {name: (ranges or {}).get(name, {}).get(key) for name in rows}
            lines.append([title, *(cell(row.get(key), digits, ends[name]) for name, row in rows.items())])
    return lines


def text_table(rows: dict[str, Row], metrics: list[Metric], stages: list[list[str]] | None = None) -> str:
    """Return the table for a terminal, and below it that of the stages where a model has two."""
    return "\n".join(aligned(lines) for lines in (table(rows, metrics), stages) if lines)


def aligned(lines: list[list[str]], *, left: int = 1) -> str:
    """Return lines of cells as text in columns, the first `left` ones to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            one.ljust(width) if number < left else one.rjust(width)
            for number, (one, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def markdown(report: dict[str, Any], metrics: list[Metric]) -> str:
    """Return the report as Markdown."""
    lines = ["# Evaluation", "", *markdown_table(table(report["rows"], metrics, report.get("intervals"))), ""]
    lines += [f"{report['clips']} clips, measured on the written videos. Real videos: what can be reached.", ARROWS]
    lines += [ranges_text(report["clips"]), ""]
    if stages := report.get("stages"):
        lines += ["", "Drawn faces before pasting, against the real ones, at the second stage's size:", ""]
        lines += [*markdown_table(stages), ""]
    lines += [f"- not measured: {names} ({reason})" for names, reason in by_reason(report["not_measured"])]
    for one in report["failed"]:
        lines.append(f"- left out: {one['name']} ({one['reason']})")
    lines += [f"- {name}: {note}" for name, note in report.get("notes", {}).items()]
    lines += [f"- {line}" for line in report.get("without_partner", [])]
    lines += ["", "## How each number is taken", ""]
    lines += [f"- **{one.title}**: {' '.join((type(one).__doc__ or '').split())}" for one in metrics]
    return "\n".join(lines) + "\n"


def by_reason(not_measured: dict[str, str]) -> list[tuple[str, str]]:
    """Return names that share a reason as one text, and the reason, in the order of the first names."""
    names: dict[str, list[str]] = {}
    for name, reason in not_measured.items():
        names.setdefault(reason, []).append(name)
    return [(", ".join(found), reason) for reason, found in names.items()]


def ranges_text(clips: int) -> str:
    """Return what the brackets behind a value are, or why there are none."""
    if clips < FEWEST:
        return f"No intervals: {clips} clip{'s are' if clips != 1 else ' is'} too few to say how far a mean would move."
    return (
        f"Brackets: 95% interval, percentile bootstrap over clips ({RESAMPLES} resamples); none under {FEWEST} clips. "
        "It says how far the value would move with other clips of these speakers, not with other speakers."
    )


def heading(metric: Metric) -> str:
    """Return title, unit and arrow of a metric."""
    arrow = {"higher": "↑", "lower": "↓", "one": "→1", "zero": "→0", "real": "→real"}[metric.best]
    return f"{metric.title}{f' {metric.unit}' if metric.unit not in ('', 'ratio') else ''} {arrow}"


def cell(value: float | None, digits: int, ends: Interval | None = None) -> str:
    """Return `0.930 [0.897, 0.958]`; the bare value where there is no interval, or one without width."""
    if value is None:
        return "–"
    if math.isinf(value):
        return "∞"
    low, high = (f"{end:.{digits}f}" for end in ends or (value, value))
    return f"{value:.{digits}f}" + (f" [{low}, {high}]" if low != high else "")


def markdown_table(lines: list[list[str]]) -> list[str]:
    """Return lines of cells as lines of Markdown, the first being the heading."""
    safe = [[one.replace("|", "\\|") for one in cells] for cells in lines]
    head, *body = ("| " + " | ".join(cells) + " |" for cells in safe)
    return [head, "| --- |" + " ---: |" * (len(lines[0]) - 1), *body]


def _csv(results: list[ClipResult], rows: dict[str, Row], metrics: list[Metric]) -> str:
    columns = [*[one.name for one in metrics], "opening_r_face"]
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
