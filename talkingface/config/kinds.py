"""What a key is for: three kinds of fields, written into their types, and paths.

    learning_rate: float = 1e-4          a result, the default: it changes what is learnt
    num_workers: Place[int] = 1          where and with what a command works, what an evaluation measures, how a
                                         dubbed video is written
    log_every: Cadence[int] = 10         how often to log, validate, save and show, and when to end

Only a result makes a training another one, see `config.identity`. Two marks say that a result may be changed on the
way, by `--resume=RUN`, which the run's history then tells: `Rate[float]`, how fast it learns, and `LossWeight[float]`.
For a type checker `Place[int]` is an int, and `PathText` a str.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


class Kind(StrEnum):
    """What a field is for."""

    RESULT = "result"
    PLACE = "place"
    CADENCE = "cadence"


PATH = "path"
"""Marks text that is a path."""
RATE, LOSS_WEIGHT = "rate", "loss weight"
"""Mark results that may change on the way."""

Place = Annotated[T, Kind.PLACE]
Cadence = Annotated[T, Kind.CADENCE]
Rate = Annotated[T, RATE]
LossWeight = Annotated[T, LOSS_WEIGHT]
PathText = Annotated[str, PATH]
"""A path as the user writes it: `~` is his home folder, and two spellings of one path are equal."""


MOST_LETTERS = 60
SAFE_NAME = re.compile(rf"(?=.{{1,{MOST_LETTERS}}}$)[^\W_]([\w.+-]*[^\W_])?")
"""What every file system takes as a part of a folder's name."""


def check_name(key: str, name: str) -> None:
    """Refuse a name that cannot be a part of a folder's.

    Raises:
        ValueError: says what is wanted.
    """
    if not SAFE_NAME.fullmatch(name):
        raise ValueError(
            f"{key}: wanted 1 to {MOST_LETTERS} letters, digits, '-', '_', '+' and '.', the first and last one a "
            f"letter or digit, since it becomes part of a folder's name; got {name!r}"
        )


def field_kinds(schema: type) -> Mapping[str, Kind]:
    """The kind of every field of a dataclass.

    A subclass that only gives a field another default leaves its kind as it is; one that marks it anew changes it.
    """
    return _field_kinds(schema)


@cache
def _field_kinds(schema: type) -> Mapping[str, Kind]:
    found: dict[str, Kind] = {}
    for owner in reversed(schema.__mro__):
        hints, own = get_type_hints(owner, include_extras=True), inspect.get_annotations(owner)
        for name in own:
            marked = [mark for mark in _marks(hints[name]) if isinstance(mark, Kind)]
            found[name] = marked[0] if marked else found.get(name, Kind.RESULT)
    return found


def fields_marked(schema: type, *marks: str) -> set[str]:
    """Fields of a dataclass whose types carry one of the marks, in the class that declares them or a base of it."""
    return {
        name
        for owner in schema.__mro__
        for name, hint in get_type_hints(owner, include_extras=True).items()
        if not set(marks).isdisjoint(_marks(hint))
    }


def changes_on_the_way(schema: type) -> set[str]:
    """Results that a run may be continued with other values of."""
    return fields_marked(schema, RATE, LOSS_WEIGHT)


def is_path(hint: Any) -> bool:
    """Whether a field's type is `PathText`, or that or None."""
    return PATH in _marks(hint) or any(is_path(option) for option in get_args(hint))


def _marks(hint: Any) -> tuple[Any, ...]:
    return hint.__metadata__ if get_origin(hint) is Annotated else ()
