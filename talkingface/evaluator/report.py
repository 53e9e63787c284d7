"""An evaluation as files and text: metrics.json, metrics.csv, evaluation.md."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

from talkingface.evaluator.base import Metric
from talkingface.evaluator.clip import ClipResult, json_ready
from talkingface.evaluator.summary import ROWS, Row
from talkingface.utils.files import write_json, write_text

CROSS_TITLE = "r to face's clip"


def protocol(metrics: list[Metric], settings: dict[str, Any]) -> dict[str, Any]:
    """Return how the numbers were taken."""
    return {
        **settings,
        "measured_on": "the written mp4 files, decoded again; the real videos by the same code",
        "reference": "the clip's first face crop; the model sees the lower half of no other frame",
        "rows": ROWS,
        "means": "over clips, each once; medians for opening_lag and sync_offset; opening_amplitude is pooled over "
        "frames about their clip's mean; opening_r_pooled and opening_amplitude_mean give the other way for both",
        "cross": "opening_r and opening_amplitude against the clip whose sound was used; opening_r_face against the "
        "clip whose face was used (low is right)",
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
    write_json(out_dir / "metrics.json", json_ready(report))
    write_text(out_dir / "metrics.csv", _csv(results, report["rows"], metrics))
    write_text(out_dir / "evaluation.md", markdown(report, metrics))


def table(rows: dict[str, Row], metrics: list[Metric]) -> list[list[str]]:
    """Return heading and rows of text cells; metrics nobody measured have no column."""
    shown = [one for one in metrics if any(row.get(one.name) is not None for row in rows.values())]
    cross = any("opening_r_face" in row for row in rows.values())
    head = ["", "clips", *[_heading(one) for one in shown], *([CROSS_TITLE] if cross else [])]
    lines = [head]
    for name, row in rows.items():
        cells = [_cell(row.get(one.name), one.digits) for one in shown]
        last = [_cell(row.get("opening_r_face"), 3)] if cross else []
        lines.append([ROWS[name], str(int(row["clips"] or 0)), *cells, *last])
    return lines


def text_table(rows: dict[str, Row], metrics: list[Metric], stages: list[list[str]] | None = None) -> str:
    """Return the table for a terminal, and below it that of the stages where a model has two."""
    return "\n".join(_aligned(lines) for lines in (table(rows, metrics), stages) if lines)


def _aligned(lines: list[list[str]]) -> str:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    right = [[cell.rjust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *cells[1:]]) for line, cells in zip(lines, right, strict=True)
    )


def markdown(report: dict[str, Any], metrics: list[Metric]) -> str:
    """Return the report as Markdown."""
    head, *body = table(report["rows"], metrics)
    lines = ["# Evaluation", "", _md(head), _md(["---", *["---:"] * (len(head) - 1)]), *map(_md, body), ""]
    lines.append(f"{report['clips']} clips, measured on the written videos. A real video's row is what can be reached.")
    lines.append("Arrows: which way is better (→1, →0: nearest to).")
    if stages := report.get("stages"):
        lines += ["", "Drawn faces before pasting, against the real ones, at the second stage's size:", ""]
        lines += [_md(stages[0]), _md(["---", *["---:"] * (len(stages[0]) - 1)]), *map(_md, stages[1:]), ""]
    for name, reason in report["not_measured"].items():
        lines.append(f"- not measured: {name} ({reason})")
    for one in report["failed"]:
        lines.append(f"- left out: {one['name']} ({one['reason']})")
    lines += ["", "## How each number is taken", ""]
    lines += [f"- **{one.title}**: {' '.join((type(one).__doc__ or '').split())}" for one in metrics]
    return "\n".join(lines) + "\n"


def _heading(metric: Metric) -> str:
    arrow = {"higher": "↑", "lower": "↓", "one": "→1", "zero": "→0"}[metric.best]
    return f"{metric.title}{f' {metric.unit}' if metric.unit not in ('', 'ratio') else ''} {arrow}"


def _cell(value: float | None, digits: int) -> str:
    if value is None:
        return "–"
    return "∞" if math.isinf(value) else f"{value:.{digits}f}"


def _md(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _csv(results: list[ClipResult], rows: dict[str, Row], metrics: list[Metric]) -> str:
    columns = [*[one.name for one in metrics], "opening_r_face"]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["row", "clip", "sound_from", "speaker_seen", *columns, "failed"])
    for one in results:
        for name, scores in (("real", one.real), ("model", one.model), ("cross", one.cross)):
            sound = one.sound_from if name == "cross" else one.name
            failed = one.failed or (one.cross_failed if name == "cross" else None)
            if scores or failed:
                values = ["" if scores.get(key) is None else scores[key] for key in columns]
                writer.writerow([name, one.name, sound or "", int(one.speaker_seen), *values, failed or ""])
    for name, row in rows.items():
        writer.writerow(
            [f"mean:{name}", "", "", "", *["" if row.get(key) is None else row[key] for key in columns], ""]
        )
    return out.getvalue()
