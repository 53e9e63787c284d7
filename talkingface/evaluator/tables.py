"""Rows of an evaluation as tables of text cells: for the terminal, for Markdown and for pages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from talkingface.evaluator.metrics.base import Metric
from talkingface.evaluator.protocols.other_sound import FACE_R, FACE_R_TITLE
from talkingface.evaluator.summary import FEWEST, RESAMPLES, ROWS, Interval, Row

Lines = list[list[str]]
"""Lines of cells, the first being the heading."""
ARROWS = "Arrows: which way is better (→1, →0, →real: nearest to; real: the real videos' value)."


def table(
    rows: Mapping[str, Row], metrics: Sequence[Metric], ranges: Mapping[str, Mapping[str, Interval]] | None = None
) -> Lines:
    """Return a line a metric and a column a row; a metric that no row has is left out.

    Args:
        rows: from `summarise`.
        metrics: in the order of the lines.
        ranges: from `intervals`; without them cells are bare values.
    """
    shown = [(one.name, heading(one), one.digits) for one in metrics]
    shown += [(FACE_R, FACE_R_TITLE, 3)]
    lines = [["", *(ROWS[name] for name in rows)], ["clips", *(str(int(row["clips"] or 0)) for row in rows.values())]]
    for key, title, digits in shown:
        if any(row.get(key) is not None for row in rows.values()):
            ends = {name: (ranges or {}).get(name, {}).get(key) for name in rows}
            lines.append([title, *(cell(row.get(key), digits, ends[name]) for name, row in rows.items())])
    return lines


def aligned(lines: Lines, *, left: int = 1) -> str:
    """Return lines of cells as text in columns, the first `left` ones to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            one.ljust(width) if number < left else one.rjust(width)
            for number, (one, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def markdown_table(lines: Lines) -> list[str]:
    """Return lines of cells as lines of Markdown."""
    safe = [[one.replace("|", "\\|") for one in cells] for cells in lines]
    head, *body = ("| " + " | ".join(cells) + " |" for cells in safe)
    return [head, "| --- |" + " ---: |" * (len(lines[0]) - 1), *body]


def by_reason(not_measured: Mapping[str, str]) -> list[tuple[str, str]]:
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
