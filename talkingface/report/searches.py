"""The trials of a search: their table, the best one's run, and a page about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkingface.config.plain import as_text
from talkingface.evaluator.tables import Lines, aligned
from talkingface.report.charts import loss_charts
from talkingface.report.facts import read_facts
from talkingface.report.page import write_page
from talkingface.report.sections import Block, Bullets, Charts, Section, Table, Text, subtitle, to_markdown
from talkingface.utils.files import write_text

MOST_LINES = 6
"""Runs that a chart can tell apart by colour."""
ON_TEST = (
    "The metric was measured on the test clips, and the best of many trials is lucky there: measure the chosen run on "
    "other clips before its figures are reported."
)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One trial of a search."""

    number: int
    values: Mapping[str, Any]
    value: float | None
    """Of the objective; None where there is no result."""
    run: Path | None
    reason: str = ""
    """Why there is no result."""


def ranked(trials: Sequence[Trial], *, maximise: bool) -> list[Trial]:
    """Return the trials that have a result, the best first."""
    found = [(one.value, one) for one in trials if one.value is not None]
    return [one for _, one in sorted(found, key=lambda pair: -pair[0] if maximise else pair[0])]


def trials_table(trials: Sequence[Trial], *, objective: str, maximise: bool, digits: int) -> Lines:
    """Return a line a trial, the best first, those without a result last."""
    order = [*ranked(trials, maximise=maximise), *(one for one in trials if one.value is None)]
    keys = list(dict.fromkeys(key for one in order for key in one.values))
    lines = [["trial", *keys, f"{objective} {'↑' if maximise else '↓'}", "run"]]
    for one in order:
        value = "–" if one.value is None else f"{one.value:.{digits}f}"
        cells = [_text(one.values[key]) if key in one.values else "–" for key in keys]
        lines.append([str(one.number), *cells, value, one.run.name if one.run else f"none: {one.reason}"])
    return lines


def write_search(
    folder: Path,
    trials: Sequence[Trial],
    *,
    title: str,
    objective: str,
    maximise: bool,
    digits: int,
    evaluated: bool,
    space: Sequence[str],
) -> tuple[Path, list[str]]:
    """Write search.html and search.md; return the former, and the table and the best run as lines for the terminal."""
    lines = trials_table(trials, objective=objective, maximise=maximise, digits=digits)
    best = ranked(trials, maximise=maximise)
    said = _best(best[0], objective, digits) if best else "No trial has a result yet."
    blocks: list[Block] = [Text(said), Table(lines=lines, kind="text wide"), *([Text(ON_TEST)] if evaluated else [])]
    sections = [
        Section(id="trials", title="Trials, the best first", blocks=blocks),
        Section(id="space", title="What was searched", blocks=[Bullets([("", one) for one in space])]),
    ]
    shown = [one.run for one in best[:MOST_LINES] if one.run is not None and one.run.is_dir()]
    facts = {one.name: read_facts(one) for one in shown}
    if charts := loss_charts({name: one.lines for name, one in facts.items()}):
        blocks = [Text("The best trials over training steps; validation in front."), Charts(charts=charts)]
        sections.append(Section(id="losses", title="Training", blocks=blocks))
    path = folder / "search.html"
    runs = [(name, subtitle(one)) for name, one in facts.items()]
    write_page(path, "compare.html", title=title, sections=sections, mark="", runs=runs)
    write_text(path.with_suffix(".md"), "\n".join([f"# {title}", *to_markdown(sections)]) + "\n")
    told = ["", aligned(lines), "", said, *([ON_TEST] if evaluated else []), str(path)]
    return path, told


def _best(one: Trial, objective: str, digits: int) -> str:
    values = ", ".join(f"{key} {_text(value)}" for key, value in one.values.items())
    return f"Best: trial {one.number}, {objective} {one.value:.{digits}f}, {values}: {one.run}"


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else as_text(value)
