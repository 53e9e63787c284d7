"""`list --runs`: what has been trained, one table for each model and dataset, as wide as the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from itertools import groupby

from talkingface.evaluator.metrics.base import Metric
from talkingface.evaluator.metrics.registry import make_metrics
from talkingface.evaluator.tables import Lines, aligned, cell, heading
from talkingface.report.facts import Facts, read_runs
from talkingface.report.own_values import own_values
from talkingface.report.run_tables import steps_text
from talkingface.report.sections import TILES
from talkingface.trainer.run_folder import SavedRuns
from talkingface.utils.logger import clock

HEAD_WIDTH = 9
"""Letters of a column's heading, which is written in several lines where it is longer."""
INDENT = "    "
VALID = {"psnr_mouth": ("valid mouth PSNR", ".2f")}
"""Values of the best validation that no weight of the recipe changes: heading and format."""


def list_runs(saved_dir: str, *, width: int | None = None) -> list[str]:
    """Return a table for each dataset and model, the newest run first, and below each run what it is about.

    Metrics whose columns do not fit stand below their run. Damaged runs are named at the end.

    Args:
        saved_dir: the folder of runs.
        width: letters of a line; None where lines may be of any length.
    """
    saved = SavedRuns.read(saved_dir)
    found, problems = read_runs(saved.matching())
    problems = [*saved.problems, *problems]
    if not found:
        return problems or [f"no runs in {saved_dir}/"]
    runs = sorted(found, key=lambda one: (one.dataset, one.model))  # stable: the newest stay first
    lines: list[str] = []
    for (dataset, model), group in groupby(runs, key=lambda one: (one.dataset, one.model)):
        lines += ["", f"{model} on {dataset}: {saved_dir}/{_beginning(model, dataset)}..."]
        lines += _group(list(group), width)
    return [*lines[1:], *problems]


def _beginning(model: str, dataset: str) -> str:
    return f"{model}-{dataset}-"


def _group(runs: list[Facts], width: int | None) -> list[str]:
    """The table of the runs of one model on one dataset."""
    columns = [column for column in _columns(runs) if any(value != "–" for value in column[1:]) or column[0] == "run"]
    metrics = [(metric, [heading(metric), *(_measured(one, metric) for one in runs)]) for metric in _metrics(runs)]
    kept = _that_fit(columns, [column for _, column in metrics], width)
    head, *rows = list(zip(*columns, *(column for _, column in metrics[:kept]), strict=True))
    wrapped = [textwrap.wrap(title, HEAD_WIDTH) for title in head]
    tall = max(map(len, wrapped))
    heads = [list(line) for line in zip(*([""] * (tall - len(one)) + one for one in wrapped), strict=True)]
    text = aligned([*heads, *map(list, rows)]).splitlines()
    shared, own = own_values(runs)
    lines = _wrapped(f"all have {shared}", width) if shared else []
    lines += [line.rstrip() for line in text[:tall]]
    for one, values, line in zip(runs, own, text[tall:], strict=True):
        lines += [line.rstrip(), *_below(one, values, [metric for metric, _ in metrics[kept:]], width)]
    return lines


def _columns(runs: Sequence[Facts]) -> Lines:
    """Heading and values of each column that is no metric of an evaluation."""

    def column(title: str, value: Callable[[Facts], str]) -> list[str]:
        return [title, *map(value, runs)]

    def valid(key: str, form: str) -> Callable[[Facts], str]:
        return lambda one: format(one.best_validation[key], form) if key in one.best_validation else "–"

    return [
        column("run", lambda one: one.name.removeprefix(_beginning(one.model, one.dataset))),
        column("seed", lambda one: "–" if one.seed is None else str(one.seed)),
        column("steps", steps_text),
        column("state", lambda one: "finished" if one.finished else "unfinished"),
        column("time", lambda one: clock(one.seconds) if one.seconds else "–"),
        column("valid loss", lambda one: "–" if one.best_score is None else f"{one.best_score:.4g}"),
        *(column(title, valid(key, form)) for key, (title, form) in VALID.items()),
        column("test clips", lambda one: str(len(one.evaluation.good)) if one.evaluation else "–"),
    ]


def _metrics(runs: Sequence[Facts]) -> list[Metric]:
    """The main metrics that some run has."""
    rows = [one.evaluation.rows.get("model", {}) for one in runs if one.evaluation]
    measured = {key for row in rows for key, value in row.items() if value is not None}
    return [metric for metric in make_metrics() if metric.name in TILES and metric.name in measured]


def _measured(one: Facts, metric: Metric) -> str:
    row = one.evaluation.rows.get("model", {}) if one.evaluation else {}
    return cell(row.get(metric.name), metric.digits)


def _that_fit(columns: Lines, metrics: Lines, width: int | None) -> int:
    """How many columns of metrics fit beside the others."""
    if width is None:
        return len(metrics)
    used, kept = sum(_wide(column) + 2 for column in columns) - 2, 0
    for column in metrics:
        used += _wide(column) + 2
        if used > width:
            break
        kept += 1
    return kept


def _wide(column: list[str]) -> int:
    return max(map(len, [*textwrap.wrap(column[0], HEAD_WIDTH), *column[1:]]))


def _below(one: Facts, values: str, metrics: Sequence[Metric], width: int | None) -> list[str]:
    """Metrics without a column, the values that other runs do not have, and the note."""
    measured = [(heading(metric), _measured(one, metric)) for metric in metrics]
    texts = [", ".join(f"{title} {value}" for title, value in measured if value != "–"), values, one.note]
    return [line for text in filter(None, texts) for line in _wrapped(text, width)]


def _wrapped(text: str, width: int | None) -> list[str]:
    line = " ".join(text.split())
    if width is None:
        return [INDENT + line]
    return textwrap.wrap(line, width, initial_indent=INDENT, subsequent_indent=INDENT)
