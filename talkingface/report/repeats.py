"""Runs of one or two configurations with several seeds: mean and deviation of every metric, and a page about them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talkingface.evaluator.metrics.registry import make_metrics
from talkingface.evaluator.tables import ARROWS, Lines, heading
from talkingface.report import run_tables
from talkingface.report.charts import loss_charts
from talkingface.report.facts import Facts
from talkingface.report.page import write_page
from talkingface.report.paired import FEWEST, TEST, Paired, holm, paired
from talkingface.report.run_report import OTHER_CLIPS
from talkingface.report.sections import Block, Charts, Section, Table, Text, subtitle, to_markdown
from talkingface.utils.files import write_text

MOST_LINES = 6
"""Runs that a chart can tell apart by colour."""
SPREAD = (
    "mean ± standard deviation over the seeds (n - 1 in the denominator): how far chance alone moves a training. A "
    "deviation of {seeds} seeds is itself rough; it is not the interval over clips that a run's report gives."
)


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """One configuration, trained with several seeds."""

    title: str
    runs: Mapping[int, Facts]
    """By seed."""

    def values(self, key: str) -> list[float]:
        """The value of a metric in each run that has it."""
        rows = [one.evaluation.rows.get("model", {}) for one in self.runs.values() if one.evaluation]
        return [value for row in rows if (value := row.get(key)) is not None and math.isfinite(value)]


@dataclass(frozen=True, kw_only=True)
class _Measure:
    """What a line of the table is of."""

    key: str
    title: str
    digits: int
    values: tuple[list[float], ...]
    """Of each configuration."""


def repeats_table(groups: Sequence[Repeats]) -> Lines:
    """Return a line for each value of the validation and metric of the evaluation.

    Columns are mean ± deviation of each configuration, and for two of them their difference over the same clips.
    """
    lines = [["", *(f"{one.title}, {len(one.runs)} seeds" for one in groups)]]
    both = len(groups) == 2
    if both:
        lines[0] += ["difference", "clips", "p", "p (Holm)"]
    measures = _measures(groups)
    tested = _tested(groups) if both else {}
    corrected = dict(zip(tested, holm([one.p for one in tested.values()]), strict=True))
    for one in measures:
        line = [one.title, *(_spread(values, one.digits) for values in one.values)]
        if both:
            line += _difference(one, tested.get(one.key), corrected.get(one.key))
        lines.append(line)
    return lines


def seeds_table(group: Repeats) -> Lines:
    """Return the values of every run, a column a seed."""
    lines = [["", *(f"seed {seed}" for seed in group.runs)]]
    for one in _measures([group]):
        if len(one.values[0]) == len(group.runs):
            lines.append([one.title, *(f"{value:.{one.digits}f}" for value in one.values[0])])
    return lines


def _measures(groups: Sequence[Repeats]) -> list[_Measure]:
    found = []
    for key, title, digits in (("loss", "validation loss ↓", 4), ("psnr_mouth", "validation PSNR mouth dB ↑", 2)):
        values = tuple([one.best_validation[key] for one in group.runs.values() if key in one.best_validation]
                       for group in groups)  # fmt: skip
        found.append(_Measure(key=f"valid {key}", title=title, digits=digits, values=values))
    for key, title in (("accuracy", "accuracy of held-out pairs ↑"), ("loss", "loss of held-out pairs ↓")):
        values = tuple([one.expert[key] for one in group.runs.values() if key in one.expert] for group in groups)
        found.append(_Measure(key=f"expert {key}", title=title, digits=4, values=values))
    found += [
        _Measure(key=metric.name, title=heading(metric), digits=metric.digits,
                 values=tuple(group.values(metric.name) for group in groups))
        for metric in make_metrics()
    ]  # fmt: skip
    return [one for one in found if any(one.values)]


def _tested(groups: Sequence[Repeats]) -> dict[str, Paired]:
    """The paired difference of each metric that both configurations have."""
    first, second = ([one.evaluation for one in group.runs.values() if one.evaluation] for group in groups)
    if not first or not second:
        return {}
    found = {metric.name: paired(first, second, metric) for metric in make_metrics()}
    return {name: one for name, one in found.items() if one is not None}


def _difference(one: _Measure, found: Paired | None, corrected: float | None) -> list[str]:
    """Cells: over the same clips where there are such, else of the means, without a test."""
    if found is not None:
        return [f"{found.difference:+.{one.digits}f}", str(found.pairs), _p(found.p), _p(corrected)]
    first, second = one.values
    change = f"{np.mean(second) - np.mean(first):+.{one.digits}f}" if first and second else "–"
    return [change, "–", "–", "–"]


def _spread(values: Sequence[float], digits: int) -> str:
    """`0.930 ± 0.012`."""
    if not values:
        return "–"
    deviation = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{deviation}"


def _p(value: float | None) -> str:
    return "–" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def write_repeats(path: Path, groups: Sequence[Repeats], *, title: str) -> Path:
    """Write the page `path`, and beside it the same as Markdown; returns the former."""
    sections = _sections(groups)
    runs = [(one.name, [f"{group.title}, seed {seed}", *subtitle(one)])
            for group in groups for seed, one in group.runs.items()]  # fmt: skip
    write_page(path, "compare.html", title=title, sections=sections, mark="", runs=runs[:MOST_LINES])
    head = [f"# {title}", "", *(f"- {name}: {' · '.join(about)}" for name, about in runs)]
    write_text(path.with_suffix(".md"), "\n".join([*head, *to_markdown(sections)]) + "\n")
    return path


def notes(groups: Sequence[Repeats]) -> list[str]:
    """Return what has to be known to read the table."""
    said = [SPREAD.format(seeds=min(len(one.runs) for one in groups)), ARROWS]
    if len(groups) == 2:
        said.append(TEST.format(fewest=FEWEST))
    every = [one for group in groups for one in group.runs.values()]
    return [*said, *([] if run_tables.same_clips(every) else [OTHER_CLIPS])]


def _sections(groups: Sequence[Repeats]) -> list[Section]:
    blocks: list[Block] = [Table(lines=repeats_table(groups)), *map(Text, notes(groups))]
    blocks += [Table(lines=seeds_table(one), title=f"{one.title}: each seed", folded=True) for one in groups]
    sections = [Section(id="metrics", title="Mean over the seeds", blocks=blocks)]
    if len(groups) == 2:
        pair = [(one.title, next(iter(one.runs.values()))) for one in groups]
        differing = run_tables.differences(pair)
        block: Block = Table(lines=differing, kind="text wide") if len(differing) > 1 else Text("Nothing.")
        sections.insert(0, Section(id="config", title="What differs", blocks=[block]))
    drawn = {f"{group.title}, seed {seed}": one.lines for group in groups for seed, one in group.runs.items()}
    if charts := loss_charts(dict(list(drawn.items())[:MOST_LINES])):
        text = "Over training steps; validation in front, training thin behind it."
        sections.append(Section(id="losses", title="Training", blocks=[Text(text), Charts(charts=charts)]))
    return sections
