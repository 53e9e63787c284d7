"""From names to rows and classes: models of this repository and of other packages.

A package outside this repository adds a model by an entry point of the group `talkingface.models`: its name is the
model's name, its value a `ModelRow`.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from talkingface.catalog.models import MODELS
from talkingface.catalog.rows import ModelRow
from talkingface.config.typed import field_types
from talkingface.utils.errors import UserError

ENTRY_POINTS = "talkingface.models"


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
        raise UserError(f"{target}: there is no module {error.name!r}; see the model's row in the catalog") from error
    except AttributeError as error:
        raise UserError(f"{target}: {error}; see the model's row in the catalog") from error


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
def _own_rows() -> dict[str, ModelRow]:
    return one_each(MODELS)


@cache
def _plugins() -> dict[str, EntryPoint]:
    found = one_each(entry_points(group=ENTRY_POINTS))
    for name in found.keys() & _own_rows().keys():
        raise UserError(f"{name}: a model of this name is built in; the package of {found[name].value} adds it again")
    return found


def model_names() -> list[str]:
    """Names of all models, those of other packages last."""
    return [*_own_rows(), *_plugins()]


def model_row(name: str) -> ModelRow:
    """The row of a model.

    Raises:
        UserError: no such model; the known ones are listed.
    """
    if name in _own_rows():
        return _own_rows()[name]
    if name not in _plugins():
        raise UserError(unknown("model", name, model_names()))
    row = _plugins()[name].load()
    if not isinstance(row, ModelRow) or row.name != name:
        raise UserError(f"{name}: {_plugins()[name].value} should be a ModelRow of this name, got {row!r}")
    return row


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
