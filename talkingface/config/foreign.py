"""What becomes of a key of another project, and how its value reads here: the kinds of rows of `config.foreign_keys`.

Four things can become of one: it is **mapped** to a key of ours, it is an **option** of our command line, it is
**fixed** at a value here, or it has **no effect** here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from talkingface.config.yaml_file import FlagText, read_scalar


class Leave(Exception):  # noqa: N818 (no error: a value's form says by it that nothing has to be set)
    """The value asks for what is done anyway."""


@dataclass(frozen=True, kw_only=True)
class ForeignKey:
    """A key, or a flag, that users of another project know."""

    name: str
    of: tuple[str, ...]
    """The projects that have it."""
    say: str = ""
    """What there is to know about it, for the page and for messages."""
    words: int = 1
    """Values that follow it on the command line; 0 for a switch."""


@dataclass(frozen=True, kw_only=True)
class Mapped(ForeignKey):
    """A key of ours has its place."""

    ours: str
    form: Callable[[Any], Any] | None = None
    """From its value to ours; raises ValueError with what was wanted, or `Leave`. None: the value is the same."""
    part: str = ""
    """The part of a recipe that it is of, where that is a model of its own here: `expert`."""
    gives_way: bool = False
    """Whether another key of the same file that sets ours goes before it."""

    def value(self, given: Any) -> Any:
        """Its value in our form.

        Raises:
            ValueError: it has none; says what was wanted.
            Leave: nothing has to be set.
        """
        return given if self.form is None else self.form(plain(given))

    @property
    def rank(self) -> int:
        """Of two that set one key of ours the higher one counts."""
        return 2 if self.part else 0 if self.gives_way else 1


@dataclass(frozen=True, kw_only=True)
class Option(ForeignKey):
    """An option of the command line has its place."""

    ours: str
    second: str = ""
    """The configuration key that it gives where the option is given too."""
    in_file: str = ""
    """The configuration key that has its place in a file; without one it is an error there that names the option."""


@dataclass(frozen=True, kw_only=True)
class Fixed(ForeignKey):
    """What it sets cannot be changed here."""

    values: tuple[Any, ...]
    """The values that say what is done here, the usual one first."""
    must: bool = True
    """Whether another value is an error; else it is only told that it is not followed."""

    def agrees(self, given: Any) -> bool:
        """Whether a value is what is done here."""
        return any(_equal(plain(given), value) for value in self.values)


@dataclass(frozen=True, kw_only=True)
class Idle(ForeignKey):
    """Nothing here depends on it."""


def plain(value: Any) -> Any:
    """A value as YAML reads it, whether it comes from a file or from the command line."""
    return read_scalar(value) if isinstance(value, FlagText) else value


def _equal(given: Any, value: Any) -> bool:
    if isinstance(value, bool):
        try:
            return truth(given) == value
        except ValueError:
            return False
    if value is None:
        return _is_none(given)
    if isinstance(given, str) and isinstance(value, str):
        return given.strip("./").lower() == value.lower()
    if isinstance(given, str) and isinstance(value, tuple):
        given = [read_scalar(word) for word in given.replace(",", " ").split()]
    return bool((tuple(given) if isinstance(given, list) else given) == value)


def _is_none(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() in ("", "none", "null"))


def truth(value: Any) -> bool:
    """`true` or `false` in the spellings of YAML 1.1 and of command lines."""
    word = str(value).strip().lower()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0"):
        return False
    raise ValueError(f"wanted true or false, got {value!r}")


def switch(*, on: Any = None, off: Any = None) -> Callable[[Any], Any]:
    """The form of a key that is true or false; None leaves ours as it is."""

    def form(value: Any) -> Any:
        found = on if truth(value) else off
        if found is None:
            raise Leave
        return found

    return form


def device(value: Any) -> str:
    """`gpu_id`, the GPUs that are seen: the first is taken, and where there is none, the CPU, as there."""
    ids = [] if _is_none(value) else [word.strip() for word in str(value).strip("[]").split(",")]
    if ids in ([], ["-1"]):
        return "cpu"
    if not all(word.isdigit() for word in ids):
        raise ValueError(f"wanted the number of a GPU, or several with commas between, got {value!r}")
    return "auto" if len(ids) > 1 or int(ids[0]) == 0 else f"cuda:{int(ids[0])}"


def optimizer(value: Any) -> str:
    """`learner`."""
    if str(value).lower() not in ("adam", "adamw"):
        raise ValueError(f"wanted adam or adamw, which are the optimizers here, got {value!r}")
    return str(value).lower()


def clip_norm(value: Any) -> Any:
    """`clip_grad_norm`: the arguments of torch's function, or its `max_norm` alone."""
    if not isinstance(value, Mapping):
        return None if _is_none(value) or value is False else value
    unknown = [str(key) for key in value if key not in ("max_norm", "norm_type")]
    if unknown or value.get("norm_type", 2) != 2 or "max_norm" not in value:
        raise ValueError(f"wanted max_norm, of the 2-norm, got {dict(value)}")
    return value["max_norm"]


def patience(value: Any) -> Any:
    """`stopping_step`; with 0 the first validation without improvement ends it, as with 1."""
    return max(value, 1) if type(value) is int else None if _is_none(value) else value


def pads(value: Any) -> list[Any]:
    """Four numbers, as a list or as words."""
    found = [read_scalar(word) for word in value.replace(",", " ").split()] if isinstance(value, str) else value
    if not isinstance(found, list) or len(found) != 4:
        raise ValueError(f"wanted four numbers (top, bottom, left, right), got {value!r}")
    return found


def weight_that_rises(value: Any) -> Any:
    """A weight that is 0 in the file because the training raises it by itself, as the recipe here does."""
    if not isinstance(value, bool) and value == 0:
        raise Leave
    return value


def unless_none(value: Any) -> Any:
    """A value that is none where the project's own is meant."""
    if _is_none(value):
        raise Leave
    return value


def path(value: Any) -> Any:
    """A path, or nothing in one of its spellings."""
    return None if _is_none(value) else value


def resume(value: Any) -> Any:
    """`resume`, which is true or false elsewhere."""
    return {"true": "auto", "false": "never"}.get(str(value).lower(), value)
