"""A layer with keys of other projects, brought under our keys by the table of `config.foreign_keys`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from talkingface.config.foreign import Fixed, ForeignKey, Leave, Mapped, Option, path, plain
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
    of_part: bool = False
    """Whether it is said of a part of other models' recipes."""


@dataclass(frozen=True, kw_only=True)
class Translator:
    """Brings entries under our names, for one model."""

    known: Callable[[str], bool]
    """Whether a key is declared for the model."""
    serves: Callable[[], Collection[str]]
    """The parts of other models' recipes that the model is, such as `expert`."""
    takes: Callable[[], Collection[str]]
    """The parts that its own recipe takes from other models, and theirs from others."""
    problems: list[str]
    """Takes a line for each value that cannot be followed."""
    moved: Moved
    """Takes a line for each key that was translated."""

    def translate(self, layer: Mapping[str, Entry]) -> list[tuple[str, Named]]:
        """The entries of a layer by our names; those that neither the table nor `known` knows as they stand."""
        found: list[tuple[str, Named]] = []
        for given, entry in layer.items():
            row, known = FOREIGN.get(given), self.known(given)
            if isinstance(row, Option) and row.in_file:
                row = Mapped(name=given, of=row.of, ours=row.in_file, form=path)
            if isinstance(row, Mapped) and (row.ours == given or not known):
                one = self._map(row, entry)
                if one is not None:
                    found.append((row.ours, one))
            elif row is None or known:
                found.append((given, Named(given, entry)))
            else:
                self._note(row, entry)
        return found

    def _note(self, row: ForeignKey, entry: Entry) -> None:
        """Say what becomes of a key that sets nothing here."""
        name, mark = row.name, (entry.where, row.name)
        if isinstance(row, Option):
            self.problems.append(f"{name}: --{row.ours} of the command line has its place ({entry.where})")
        elif not isinstance(row, Fixed):
            self.moved.idle[mark] = f"{name}: {row.say}"
        elif row.agrees(entry.value):
            self.moved.fixed[mark] = f"{name}: {shown(entry.value)}"
        elif row.must:
            here, got = shown(row.values[0]), shown(entry.value)
            self.problems.append(f"{name}: {here} here and nothing else, got {got} ({entry.where}); {row.say}")
        else:
            self.moved.not_followed[mark] = f"{name}: {shown(entry.value)}, here {shown(row.values[0])}"

    def _map(self, row: Mapped, entry: Entry) -> Named | None:
        """An entry for the key of ours that has its place; None where nothing has to be set."""
        given, mark, by_flag = row.name, (entry.where, row.name), isinstance(entry.value, FlagText)
        if row.ours == given and row.form is None:
            return Named(given, entry)
        if row.part and row.part not in self.serves():
            if row.part in self.takes():
                self.moved.mapped[mark] = f"{given}: {shown(entry.value)} is {row.ours} of the {row.part}"
            else:
                self.moved.idle[mark] = f"{given}: there is no {row.part}"
            return None
        if not self.known(row.ours) and not by_flag:
            self.moved.idle[mark] = f"{given}: {row.ours}, which this model has not"
            return None
        try:
            value = row.value(entry.value)
        except Leave:
            self.moved.mapped[mark] = f"{given}: {shown(entry.value)} is what is done anyway"
            return None
        except ValueError as error:
            self.problems.append(f"{given}: {error} ({entry.where})")
            return None
        if row.ours == given and value == plain(entry.value):
            return Named(given, entry)
        if not (by_flag and row.form is None):
            self.moved.mapped[mark] = f"{given}: {shown(entry.value)} is {row.ours}: {shown(value)}"
        where = entry.where if row.form is None or row.ours == given else f"{entry.where}, {given}"
        return Named(given, Entry(value, where), row.rank, bool(row.part))


def shown(value: object) -> str:
    """A value as a file would have it."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    return str(list(value)) if isinstance(value, tuple) else str(value)
