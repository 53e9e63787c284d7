"""What was typed, sorted: words, switches, options of the command line, configuration keys.

Python's argparse wants every flag declared. Here every configuration key is a flag, those of other packages' models
included, so flags are read by their form alone, and what a command takes is checked afterwards (see keys.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from talkingface.config.foreign import Option
from talkingface.config.foreign_keys import FOREIGN
from talkingface.config.layers import names_in_files
from talkingface.config.loader import Overrides
from talkingface.utils.errors import UserError

SHORT = {"m": "model", "d": "dataset", "h": "help", "o": "output"}
SWITCHES = ("help", "dry_run", "print_config", "runs")
OPTIONS = {
    "model": "NAME",
    "dataset": "NAME",
    "checkpoint": "PATH",
    "face": "FILE",
    "audio": "FILE",
    "output": "PATH",
    "generated": "FOLDER",
    "real": "FOLDER",
    "config_files": "A,B",
    "profile": "NAME",
    "seeds": "N,N,...",
    "against": "FILE",
    "space": "FILE",
    "trials": "N",
    "objective": "NAME",
}
"""Flags of the command line alone that take a value, and what stands for the value in the help."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What was typed."""

    words: tuple[str, ...] = ()
    """Everything that is no flag: the command word, and what follows it."""
    switches: frozenset[str] = frozenset()
    """Of `SWITCHES`."""
    options: dict[str, str] = field(default_factory=dict)
    """Of `OPTIONS`, with their values."""
    flags: dict[str, str] = field(default_factory=dict)
    """Configuration keys, with their values."""

    @property
    def dry_run(self) -> bool:
        """Whether only the plan is asked for."""
        return "dry_run" in self.switches

    def overrides(self) -> Overrides:
        """The user's layers of configuration."""
        files = self.options.get("config_files", "").replace(",", " ").split()
        return Overrides(files=tuple(files), flags=self.flags, profile=self.options.get("profile"))


def with_names_of_files(arguments: Arguments) -> Arguments:
    """The same arguments with the `model` and `dataset` that files of `--config_files` name, where no flag does.

    Raises:
        ConfigError: a file cannot be read at all.
    """
    named = names_in_files(arguments.overrides().files)
    return replace(arguments, options={**named, **arguments.options})


def flag(name: str) -> str:
    """A flag as the help writes it: `--dry-run`, `--config_files`."""
    return f"--{name.replace('_', '-') if name in SWITCHES else name}"


def parse(argv: Sequence[str]) -> Arguments:
    """Sort words, switches, options and configuration keys.

    `--key=value`, `--key value`, `-m value` and `-m=value` are read alike; dashes inside a name are underscores.
    `--config_files` takes several files, separated by commas or spaces.

    Raises:
        UserError: a flag without its value, or given twice with different values.
    """
    tokens = list(argv)
    words: list[str] = []
    switches: set[str] = set()
    given: dict[str, str] = {}
    while tokens:
        token = tokens.pop(0)
        if not _is_flag(token):
            words.append(token)
            continue
        name, value = _name_and_value(token, tokens)
        if name in SWITCHES:
            switches.add(name)
        elif given.setdefault(name, value) != value:
            raise UserError(f"--{name}: given twice, {given[name]!r} and {value!r}")
    given = _options_by_our_names(given)
    options = {name: value for name, value in given.items() if name in OPTIONS}
    flags = {name: value for name, value in given.items() if name not in OPTIONS}
    return Arguments(words=tuple(words), switches=frozenset(switches), options=options, flags=flags)


def _is_flag(token: str) -> bool:
    """`--key` and `-m`, not `-1` or `-.5`."""
    return token.startswith("-") and len(token) > 1 and not (token[1].isdigit() or token[1] == ".")


def _name_and_value(token: str, rest: list[str]) -> tuple[str, str]:
    """Name of a flag, and its value, taken off `rest` where it is not in the token."""
    name, equals, value = token.lstrip("-").partition("=")
    name = name.replace("-", "_")
    if not token.startswith("--"):
        if name not in SHORT:
            raise UserError(f"{token}: unknown flag; the short ones are {', '.join('-' + key for key in SHORT)}")
        name = SHORT[name]
    if name in SWITCHES:
        if equals:
            raise UserError(f"{flag(name)}: takes no value, got {value!r}")
        return name, ""
    if equals:
        return name, value
    words = FOREIGN[name].words if name in FOREIGN else 1
    if not words:
        return name, rest.pop(0) if rest and rest[0].lower() in ("true", "false") else "true"
    if not rest or _is_flag(rest[0]):
        raise UserError(f"--{name}: needs a value (--{name}=...)")
    taken = [rest.pop(0)]
    while name == "config_files" and rest and rest[0].endswith((".yaml", ".yml")):
        taken.append(rest.pop(0))
    while len(taken) < words and rest and rest[0].lstrip("-").isdigit():
        taken.append(rest.pop(0))
    return name, " ".join(taken)


def _options_by_our_names(given: dict[str, str]) -> dict[str, str]:
    """Options that other projects call otherwise, under the names they have here.

    Raises:
        UserError: one option is given under two names, with different values.
    """
    rows = {name: row for name in given if isinstance(row := FOREIGN.get(name), Option)}
    found = {name: value for name, value in given.items() if name not in rows}
    for name, row in sorted(rows.items(), key=lambda item: bool(item[1].second)):
        ours = row.second if row.second and row.ours in found else row.ours
        if found.setdefault(ours, given[name]) != given[name]:
            raise UserError(f"--{name}: is --{ours} here, which is given too, as {found[ours]!r}")
    return found
