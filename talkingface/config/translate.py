"""A layer with keys of other projects, brought under our keys by the table of `config.foreign_keys`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from talkingface.config.foreign import Fixed, Leave, Mapped, Option, plain
from talkingface.config.foreign_keys import FOREIGN
from talkingface.config.yaml_file import Entry, FlagText

PAGE = "docs/moving_over.md"


@dataclass(kw_only=True)
class Moved:
    """What became of the keys of other projects in the layers of one configuration: `file:line` and name -> a text."""

    mapped: dict[tuple[str, str], str] = field(default_factory=dict)
    idle: dict[tuple[str, str], str] = field(default_factory=dict)
    fixed: dict[tuple[str, str], str] = field(default_factory=dict)
    """Those that say what is done here anyway."""
    not_followed: dict[tuple[str, str], str] = field(default_factory=dict)
    """Those that say something else than what is done here."""

    def summary(self) -> str | None:
        """One line about all of them; None where there are none."""
        every = {**self.mapped, **self.idle, **self.fixed, **self.not_followed}
        if not every:
            return None
        places = dict.fromkeys(where.rpartition(":")[0] or where for where, _ in every)
        one = len(every) == 1
        line = (
            f"{', '.join(places)}: {len(every)} {'key' if one else 'keys'} of other projects, {len(self.mapped)} "
            f"mapped to ours, {len(self.idle)} without effect here, {len(self.fixed)} fixed at the value given"
        )
        if self.not_followed:
            line += f", {len(self.not_followed)} not followed ({'; '.join(self.not_followed.values())})"
        return f"{line}; --print-config lists them, {PAGE} explains"

    def lines(self) -> list[str]:
        """A line for each key."""
        groups = {"": self.mapped, "without effect here: ": self.idle, "fixed here: ": self.fixed}
        groups["not followed: "] = self.not_followed
        return [f"{where}: {head}{text}" for head, group in groups.items() for (where, _), text in group.items()]


@dataclass(frozen=True)
class Named:
    """An entry under our name."""

    given: str
    """Its name in the layer."""
    entry: Entry
    rank: int = 1
    """Of two that set one key the higher one counts."""


def translate(
    layer: Mapping[str, Entry],
    *,
    known: Callable[[str], bool],
    serves: Callable[[], Collection[str]],
    problems: list[str],
    moved: Moved,
) -> list[tuple[str, Named]]:
    """The entries of a layer under our names; those that neither the table nor `known` knows as they stand.

    Args:
        layer: entries by the keys they were given under.
        known: whether a key is declared here.
        serves: the parts of other models' recipes that this model is, such as `expert`.
        problems: takes a line for each value that cannot be followed.
        moved: takes a line for each key that was translated.
    """
    found: list[tuple[str, Named]] = []
    for given, entry in layer.items():
        row = FOREIGN.get(given)
        mark, where = (entry.where, given), entry.where
        if isinstance(row, Mapped) and (row.ours == given or not known(given)):
            one = _map(row, entry, known=known, serves=serves, problems=problems, moved=moved)
            if one is not None:
                found.append((row.ours, one))
        elif row is None or known(given):
            found.append((given, Named(given, entry)))
        elif isinstance(row, Option):
            problems.append(f"{given}: --{row.ours} of the command line has its place ({where})")
        elif not isinstance(row, Fixed):
            moved.idle[mark] = f"{given}: {row.say}"
        elif row.agrees(entry.value):
            moved.fixed[mark] = f"{given}: {shown(entry.value)}"
        elif row.must:
            problems.append(
                f"{given}: {shown(row.values[0])} here and nothing else, got {shown(entry.value)} ({where}); {row.say}"
            )
        else:
            moved.not_followed[mark] = f"{given}: {shown(entry.value)}, here {shown(row.values[0])}"
    return found


def _map(
    row: Mapped,
    entry: Entry,
    *,
    known: Callable[[str], bool],
    serves: Callable[[], Collection[str]],
    problems: list[str],
    moved: Moved,
) -> Named | None:
    """An entry under the key of ours that has its place; None where nothing has to be set."""
    given, mark, by_flag = row.name, (entry.where, row.name), isinstance(entry.value, FlagText)
    if row.ours == given and row.form is None:
        return Named(given, entry)
    if (row.part and row.part not in serves()) or (not known(row.ours) and not by_flag):
        moved.idle[mark] = f"{given}: {f'of the {row.part}' if row.part else f'{row.ours}, which this model has not'}"
        return None
    try:
        value = row.value(entry.value)
    except Leave:
        moved.mapped[mark] = f"{given}: {shown(entry.value)} is what is done anyway"
        return None
    except ValueError as error:
        problems.append(f"{given}: {error} ({entry.where})")
        return None
    if row.ours == given and value == plain(entry.value):
        return Named(given, entry)
    if not (by_flag and row.form is None):
        moved.mapped[mark] = f"{given}: {shown(entry.value)} is {row.ours}: {shown(value)}"
    where = entry.where if row.form is None or row.ours == given else f"{entry.where}, {given}"
    return Named(given, Entry(value, where), row.rank)


def shown(value: object) -> str:
    """A value as a file would have it."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    return str(list(value)) if isinstance(value, tuple) else str(value)
