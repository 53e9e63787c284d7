"""From names to rows and classes: models, datasets and metrics of this repository and of other packages.

A package outside this repository adds one by an entry point, whose name is the name of what it adds and whose value is
a `ModelRow` (group `talkingface.models`), a `DatasetRow` (`talkingface.datasets`), or a subclass of
`evaluator.metrics.base.Metric` or its `module:Name` (`talkingface.metrics`).
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from talkingface.catalog.datasets import DATASETS, VIDEOS
from talkingface.catalog.metrics import METRICS
from talkingface.catalog.models import MODELS
from talkingface.catalog.rows import DatasetRow, ModelRow
from talkingface.config.typed import field_types
from talkingface.utils.errors import UserError

GROUPS = {"model": "talkingface.models", "dataset": "talkingface.datasets", "metric": "talkingface.metrics"}
"""Groups of entry points."""


def load(target: str) -> Any:
    """Import what `module:Name` names.

    Raises:
        UserError: there is no such module or name; of interest to who wrote the row.
    """
    module, _, name = target.partition(":")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name and not module.startswith(error.name):
            raise UserError(f"{target}: needs the package {error.name!r}, which is not installed") from error
        raise UserError(f"{target}: there is no module {error.name!r}; see its row in the catalog") from error
    except AttributeError as error:
        raise UserError(f"{target}: {error}; see its row in the catalog") from error


def one_each(rows: Iterable[Any]) -> dict[str, Any]:
    """Rows by name.

    Raises:
        ValueError: two rows have one name.
    """
    table: dict[str, Any] = {}
    for row in rows:
        if row.name in table:
            raise ValueError(f"catalog: two rows are named {row.name!r}")
        table[row.name] = row
    return table


@cache
def _own(what: str) -> dict[str, Any]:
    """This repository's own by name: rows of models and datasets, classes of metrics."""
    if what == "metric":
        return one_each(load(target) for target in METRICS)
    return one_each(MODELS if what == "model" else DATASETS)


@cache
def _plugins(what: str) -> dict[str, EntryPoint]:
    """What other packages announce, by name; a name of this repository's own is refused."""
    found = one_each(entry_points(group=GROUPS[what]))
    for name in found.keys() & _own(what).keys():
        raise UserError(f"{name}: a {what} of this name is built in; the package of {found[name].value} adds it again")
    return found


def model_names() -> list[str]:
    """Names of all models, those of other packages last."""
    return [*_own("model"), *_plugins("model")]


def model_row(name: str) -> ModelRow:
    """The row of a model, whose name may be given in any case.

    Raises:
        UserError: no such model; the known ones are listed.
    """
    spelt = spelling(name, model_names())
    if spelt is None:
        raise UserError(unknown("model", name, model_names()))
    row: ModelRow = _own("model").get(spelt) or _announced("model", spelt, ModelRow)
    return row


def dataset_row_names() -> list[str]:
    """Names of the datasets that have a row, those of other packages last."""
    return [*_own("dataset"), *_plugins("dataset")]


def dataset_row(name: str) -> DatasetRow:
    """The row of a dataset: its own, or `VIDEOS`, which serves every folder of videos.

    Raises:
        UserError: another package announces it, and wrongly.
    """
    if name in _plugins("dataset"):
        return _announced("dataset", name, DatasetRow)
    row: DatasetRow = _own("dataset").get(name, VIDEOS)
    return row


def _announced(what: str, name: str, kind: type[Any]) -> Any:
    """The row that another package announces."""
    row = _plugins(what)[name].load()
    if not isinstance(row, kind) or row.name != name:
        raise UserError(f"{name}: {_plugins(what)[name].value} should be a {kind.__name__} of this name, got {row!r}")
    return row


@cache
def metric_classes() -> dict[str, type[Any]]:
    """Every metric's class by its name, in the order of the report, those of other packages last.

    Raises:
        UserError: another package announces a metric, and wrongly.
    """
    found = dict(_own("metric"))
    for name, point in _plugins("metric").items():
        given = point.load()
        metric = load(given) if isinstance(given, str) else given
        if not isinstance(metric, type) or getattr(metric, "name", None) != name:
            raise UserError(f"{name}: {point.value} should be a metric's class of this name, got {metric!r}")
        found[name] = metric
    return found


def spelling(name: str, known: Iterable[str]) -> str | None:
    """The known name that is meant: the same, or the only one that differs in case alone; None where there is none."""
    known = list(known)
    alike = [other for other in known if other.casefold() == name.casefold()]
    return name if name in known else alike[0] if len(alike) == 1 else None


def unknown(what: str, name: str, known: list[str]) -> str:
    """Message about a name that is not in a list, with the nearest one."""
    folded = {other.lower(): other for other in known}
    near = get_close_matches(name.lower(), folded, 1)
    hint = f"did you mean {folded[near[0]]!r}? " if near else ""
    return f"unknown {what} {name!r}; {hint}Known: {', '.join(known)}"


def model_keys(row: ModelRow) -> set[str]:
    """Configuration keys of a model."""
    return set(field_types(load(row.config)))


def all_model_keys() -> set[str]:
    """Configuration keys of all models, this repository's and others'."""
    return set().union(*(model_keys(model_row(name)) for name in model_names()))


def serves(name: str) -> frozenset[str]:
    """The parts of other models' recipes that a model is, such as `expert`."""
    rows = [model_row(other) for other in model_names()]
    return frozenset(need.part for row in rows for need in row.needs if need.model == name)


def takes(name: str) -> frozenset[str]:
    """The parts that a model's recipe takes from other models, and theirs from others."""
    needs = model_row(name).needs
    return frozenset(need.part for need in needs).union(*(takes(need.model) for need in needs))
