"""From plain values to the declared types of a schema, with messages that say what was wanted."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from talkingface.config.kinds import is_path
from talkingface.config.yaml_file import FlagText, read_scalar

_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def field_types(schema: type) -> Mapping[str, Any]:
    """Type of every field of a dataclass, inherited ones included, with the marks of `config.kinds`."""
    return _field_types(schema)


@cache
def _field_types(schema: type) -> Mapping[str, Any]:
    hints = get_type_hints(schema, include_extras=True)
    return {field.name: hints[field.name] for field in fields(schema)}


def coerce(hint: Any, value: Any) -> Any:
    """Return `value` as the type `hint`.

    Integers serve as floats, and floats without a fraction (`1e4`) as integers; `none` is null where null is
    allowed; `~` at the beginning of a path is the user's home folder; nothing else is converted. The text of a flag
    is read as the type needs it.

    Raises:
        ValueError: what was wanted and what came.
    """
    if get_origin(hint) is Annotated:
        found = coerce(get_args(hint)[0], value)
        return expand_home(found) if isinstance(found, str) and is_path(hint) else found
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if type(None) in options:
        if value is None or (isinstance(value, str) and value.lower() in ("none", "null", "~")):
            return None
        (hint,) = (option for option in options if option is not type(None))
        return coerce(hint, value)
    origin = get_origin(hint)
    if isinstance(value, FlagText):
        value = _read_flag(hint, value)
    if origin is Literal:
        return _one_of(hint, value)
    if origin is tuple:
        return _tuple(hint, value)
    return _plain(hint, value)


def expand_home(text: str) -> str:
    """A path with `~` or `~name` at its beginning replaced by that home folder; any other stays as it is written.

    Raises:
        ValueError: there is no such home folder.
    """
    try:
        return str(Path(text).expanduser()) if text.startswith("~") else text
    except RuntimeError:
        raise ValueError(f"{text!r} begins with a home folder that cannot be found") from None


def _read_flag(hint: Any, text: FlagText) -> Any:
    """A flag's text as plain data: as it stands for text and choices, `1,2,3` or `[1, 2, 3]` for tuples."""
    if hint is str or (get_origin(hint) is Literal and all(isinstance(choice, str) for choice in get_args(hint))):
        return str(text)
    if get_origin(hint) is tuple and not text.strip().startswith("["):
        return [FlagText(part.strip()) for part in text.split(",")]
    return read_scalar(text)


def _one_of(hint: Any, value: Any) -> Any:
    choices = get_args(hint)
    if any(value == choice and type(value) is type(choice) for choice in choices):
        return value
    raise ValueError(f"wanted one of {', '.join(map(str, choices))}; got {value!r}")


def _tuple(hint: Any, value: Any) -> tuple[Any, ...]:
    kinds = get_args(hint)
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"wanted a list such as {_example(kinds)}; got {value!r}")
    if kinds[-1:] == (Ellipsis,):
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise ValueError(f"wanted {len(kinds)} values, got {len(value)}: {list(value)}")
    return tuple(coerce(kind, item) for kind, item in zip(kinds, value, strict=True))


def _example(kinds: tuple[Any, ...]) -> str:
    return "[" + ", ".join("text" if kind is str else "0" for kind in kinds if kind is not Ellipsis) + "]"


def _plain(hint: Any, value: Any) -> Any:
    if hint is float and type(value) is int:
        return float(value)
    if hint is int and type(value) is float and value.is_integer():
        return int(value)
    if type(value) is hint and not (hint is float and not math.isfinite(value)):
        return value
    shown = str(value).lower() if isinstance(value, bool) else repr(value)
    raise ValueError(f"wanted {_NAMES.get(hint, hint)}, got {shown}")
