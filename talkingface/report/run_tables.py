"""Tables about runs: their figures, their configurations, what an evaluated sync expert can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from talkingface.config.kinds import Kind, field_kinds
from talkingface.config.plain import as_text
from talkingface.config.schema import DatasetConfig, ModelConfig, RunConfig
from talkingface.evaluator.metrics.registry import make_metrics
from talkingface.evaluator.summary import ROWS
from talkingface.evaluator.tables import Lines, cell, heading, table
from talkingface.report.charts import SPEED
from talkingface.report.facts import Facts
from talkingface.utils.logger import clock

SHARED = (RunConfig, DatasetConfig, ModelConfig)
ENDS = ("epochs", "max_steps", "max_minutes", "early_stopping")
"""Keys that make no other training of a run, and are worth telling all the same."""
PLAIN = ("run.", "dataset.", "model.")
"""Beginnings of keys in a stored configuration that say nothing, since every key is of one part."""
MOST_EARLIER = 4
"""Earlier runs in a report's table."""


def own_table(facts: Facts) -> Lines:
    """Return every row of the run's own evaluation; empty without one."""
    found = facts.evaluation
    return [] if found is None else table(found.rows, make_metrics(), found.ranges)


def runs_table(runs: Sequence[tuple[str, Facts]], *, row: str = "model") -> Lines:
    """Return one column a run, the real videos' first, one line a metric; empty without any evaluation.

    Args:
        runs: titles and runs; the real videos are those of the first that was evaluated.
        row: of `summary.ROWS`, which clips and whose sound.
    """
    evaluated = [(title, one.evaluation) for title, one in runs if one.evaluation and row in one.evaluation.rows]
    if not evaluated:
        return []
    columns = [(ROWS["real"], evaluated[0][1].rows["real"], evaluated[0][1].ranges.get("real", {}))]
    columns += [(title, one.rows[row], one.ranges.get(row, {})) for title, one in evaluated]
    lines = [["", *(title for title, *_ in columns)]]
    lines.append(["clips", *(str(int(values["clips"] or 0)) for _, values, _ in columns)])
    for metric in make_metrics():
        key = metric.name
        if any(values.get(key) is not None for _, values, _ in columns[1:]):
            cells = [cell(values.get(key), metric.digits, ends.get(key)) for _, values, ends in columns]
            lines.append([heading(metric), *cells])
    return lines


def same_clips(runs: Sequence[Facts]) -> bool:
    """Whether all evaluations are of the same clips by name."""
    sets = {frozenset(clip.name for clip in one.evaluation.good) for one in runs if one.evaluation}
    return len(sets) <= 1


def last_losses(facts: Facts) -> Lines:
    """Return the last values of metrics.jsonl, of training and of validation."""
    lines = [["", "step", "values"]]
    for split, name in (("train", "training"), ("valid", "validation")):
        last = next((one for one in reversed(facts.lines) if one.get("split") == split), None)
        if last is not None:
            values = {key: value for key, value in last.items() if key not in ("step", "split", "epoch")}
            lines.append([name, str(last["step"]), ", ".join(f"{key} {value:.4g}" for key, value in values.items())])
    return lines


def config_table(facts: Facts) -> Lines:
    """Return key and value, in the file's order."""
    return [["key", "value"], *([key, as_text(value)] for key, value in flat(facts.config).items())]


def start_table(facts: Facts) -> Lines:
    """Return the weights that a training started from, a line for each part of it."""
    lines = [["part", "weights", "of", "sha256", "weights that did not fit"]]
    for one in facts.started_from:
        of = f"{one['model']}, step {one['step']}" if one["model"] else "another program"
        lines.append([one["part"], one["path"], of, one["sha256"], str(len(one["not_fitting"]) or "none")])
    return lines


def changes_table(facts: Facts) -> Lines:
    """Return what was changed in the configuration on the way."""
    lines = [["after step", "key", "before", "from there on", "when"]]
    for one in facts.changes:
        when = str(one["time"])[:16].replace("T", " ")
        lines.append([str(one["step"]), one["key"], as_text(one["old"]), as_text(one["new"]), when])
    return lines


def environment_table(facts: Facts) -> Lines:
    """Return key and value; without the machine's name, since pages are passed on."""
    return [["", ""], *([key, as_text(value)] for key, value in flat(facts.environment).items() if key != "host")]


def training_table(runs: Sequence[tuple[str, Facts]]) -> Lines:
    """Return how each training went, a column a run: seed, steps, state, time, and its best validation."""
    facts = [one for _, one in runs]
    lines = [["", *(title for title, _ in runs)]]
    lines.append(["seed", *("–" if one.seed is None else str(one.seed) for one in facts)])
    lines.append(["steps", *(steps_text(one) for one in facts)])
    lines.append(["state", *("finished" if one.finished else "unfinished" for one in facts)])
    lines.append(["time in training steps", *(clock(one.seconds) if one.seconds else "–" for one in facts)])
    best = [one.best_validation for one in facts]
    keys = dict.fromkeys(key for one in best for key in one if key not in SPEED)
    lines += [[f"validation {key}", *(_number(one.get(key)) for one in best)] for key in keys]
    return [lines[0], *(line for line in lines[1:] if any(cell != "–" for cell in line[1:]))]


def steps_text(one: Facts) -> str:
    """`1500`, or `300 of 1500` while it is unfinished."""
    if one.finished or one.total_steps is None:
        return str(one.steps or "–")
    return f"{one.steps or 0} of {one.total_steps}"


def differences(runs: Sequence[tuple[str, Facts]], *, learnt: bool = True) -> Lines:
    """Return configuration keys whose values differ, a column a run.

    Args:
        runs: titles and runs.
        learnt: the keys that change the result, and those that say where a training ends; or else all others.
    """
    values = [flat(one.config) for _, one in runs]
    keys = dict.fromkeys(key for one in values for key in one)
    lines = [["key", *(title for title, _ in runs)]]
    for key in keys:
        cells = [as_text(one[key]) if key in one else "–" for one in values]
        if len(set(cells)) > 1 and _is_learnt(key) is learnt:
            lines.append([key.rpartition(".")[2] if key.startswith(PLAIN) else key, *cells])
    return lines


def _is_learnt(key: str) -> bool:
    """Whether a key of a stored configuration changes the result or the end; one that is not known here may."""
    name = key.rpartition(".")[2]
    kinds = [field_kinds(schema)[name] for schema in SHARED if name in field_kinds(schema)]
    return name in ENDS or not kinds or kinds[0] is Kind.RESULT


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.4g}"


def expert_tables(expert: dict[str, Any]) -> tuple[Lines, Lines]:
    """Return what an evaluated sync expert can do: its figures, and the offset found for each shift of each clip."""
    if not expert:
        return [], []
    rows = expert["clips"]
    found = [row for row in rows if row["offset"] is not None]
    shifts = list(rows[0]["found"]) if rows else []
    figures = [
        ["", ""],
        ["held-out pairs", str(expert["pairs"])],
        ["loss ↓", f"{expert['loss']:.3f}"],
        ["accuracy ↑", f"{expert['accuracy']:.1%}"],
        ["clips with offset 0", f"{sum(row['offset'] == 0 for row in found)} of {len(found)}"],
        ["shifts found exactly", f"{sum(row['shifts_found'] for row in found)} of {len(shifts) * len(found)}"],
    ]
    head = ["lips made late by", *(f"{int(shift):+d}" for shift in shifts), "confidence"]
    body = [[row["name"], *(_offset(row["found"][shift]) for shift in shifts), _confidence(row)] for row in rows]
    return figures, [head, *body]


def flat(values: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Return nested mappings as one, with dots between the keys."""
    out: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{before}{key}"
        out.update(flat(value, f"{name}.") if isinstance(value, dict) else {name: value})
    return out


def _offset(found: int | None) -> str:
    return "–" if found is None else f"{found:+d}"


def _confidence(row: dict[str, Any]) -> str:
    return "–" if row["confidence"] is None else f"{row['confidence']:.3f}"
