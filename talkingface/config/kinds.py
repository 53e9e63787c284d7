"""What a key is for: three kinds of fields, written into their types, and paths.

    learning_rate: float = 1e-4          a result, the default: it changes what is learnt
    num_workers: Place[int] = 1          where and with what a command works, what an evaluation measures, how a
                                         dubbed video is written
    log_every: Cadence[int] = 10         how often to log, validate, save and show, and when to end

Only a result makes a training another one, see `config.identity`. For a type checker `Place[int]` is an int, and
`PathText` a str.
"""

from __future__ import annotations

import inspect
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

Place = Annotated[T, Kind.PLACE]
Cadence = Annotated[T, Kind.CADENCE]
PathText = Annotated[str, PATH]
"""A path as the user writes it: `~` is his home folder, and two spellings of one path are equal."""


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


def is_path(hint: Any) -> bool:
    """Whether a field's type is `PathText`, or that or None."""
    return PATH in _marks(hint) or any(is_path(option) for option in get_args(hint))


def _marks(hint: Any) -> tuple[Any, ...]:
    return hint.__metadata__ if get_origin(hint) is Annotated else ()
