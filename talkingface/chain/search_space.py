"""The space of `search`: a YAML file that says for each key which values may be tried, checked before anything runs.

learning_rate: {low: 1e-5, high: 1e-3, log: true}
train_batch_size: {choices: [8, 16, 32]}
warmup_steps: {low: 0, high: 200}          # a whole number, as the key is one
SyncNet.learning_rate: {low: 1e-5, high: 1e-3, log: true}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkingface.config.keys import ALIASES
from talkingface.config.schema import ConfigError
from talkingface.config.typed import expand_home
from talkingface.config.yaml_file import Entry, read_yaml

FORMS = "wanted {low: 1e-5, high: 1e-3, log: true} or {choices: [8, 16]}"


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """The values of one key."""

    key: str
    where: str
    """File and line."""
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    """Whether small values are tried as often as large ones, by their order of magnitude."""
    whole: bool = False
    """Whether only whole numbers are tried."""
    choices: tuple[Any, ...] = ()
    """Values to choose from; empty for a range."""

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values that have to be possible: all choices, or both ends, and one between them that is not whole."""
        if self.choices or self.whole:
            return self.choices or (int(self.low), int(self.high))
        return (self.low, self.low + 0.375 * (self.high - self.low), self.high)

    def text(self) -> str:
        """The dimension in words."""
        if self.choices:
            return f"{self.key}: one of {', '.join(map(str, self.choices))}"
        return f"{self.key}: {self.low:g} to {self.high:g}{', by order of magnitude' if self.log else ''}"


def read_space(path: str, *, check: Callable[[str, Any], str | None]) -> list[Dimension]:
    """Read a space.

    Args:
        path: the YAML file.
        check: takes a key and one of its values, and says why the configuration refuses it; None where it does not.

    Raises:
        ConfigError: all that is wrong, one line per problem.
    """
    problems: list[str] = []
    entries = read_yaml(Path(expand_home(path)), problems)
    found = []
    for key, entry in entries.items():
        try:
            one = _dimension(key, entry)
        except ValueError as error:
            problems.append(f"{key}: {error} ({entry.where})")
            continue
        refused = [reason for value in one.ends if (reason := check(key, value)) is not None]
        problems += [f"{reason} ({entry.where})" for reason in dict.fromkeys(refused)]
        found.append(one)
    if not entries and not problems:
        problems.append(f"{path}: is empty; wanted lines such as learning_rate: {{low: 1e-5, high: 1e-3, log: true}}")
    if problems:
        raise ConfigError("\n".join(problems))
    return found


def _dimension(given: str, entry: Entry) -> Dimension:
    """One line of the file.

    Raises:
        ValueError: it is not of one of the forms.
    """
    value, key = entry.value, ALIASES.get(given, given)
    if not isinstance(value, Mapping):
        raise ValueError(f"{FORMS}, got {value!r}; a value that stays is a flag or a line of --config_files")
    if set(value) == {"choices"}:
        choices = value["choices"]
        if not isinstance(choices, list) or len(choices) < 2:
            raise ValueError(f"choices: wanted a list of two or more values, got {choices!r}")
        if not all(isinstance(one, str | int | float | bool) or one is None for one in choices):
            raise ValueError(f"choices: wanted numbers, text, true, false or null, got {choices!r}")
        return Dimension(key=key, where=entry.where, choices=tuple(choices))
    if not {"low", "high"} <= set(value) <= {"low", "high", "log"}:
        raise ValueError(f"{FORMS}, got {', '.join(map(str, value)) or 'nothing'}")
    low, high, log = value["low"], value["high"], value.get("log", False)
    if not all(_is_number(one) for one in (low, high)) or not isinstance(log, bool):
        raise ValueError(f"low and high: wanted numbers, and true or false for log; got {dict(value)!r}")
    if low >= high:
        raise ValueError(f"low: wanted less than high, got {low:g} and {high:g}")
    if log and low <= 0:
        raise ValueError(f"log: wanted low above 0, got {low:g}")
    whole = isinstance(low, int) and isinstance(high, int)
    return Dimension(key=key, where=entry.where, low=float(low), high=float(high), log=log, whole=whole)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
