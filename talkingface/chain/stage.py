"""A command is a chain of stages; each says what it will do, and does nothing where its result stands."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from talkingface.utils.logger import clock

Say = Callable[[str], None]
"""Takes a line that tells what happens."""


@dataclass(frozen=True)
class Look:
    """What a stage will do, or why nothing."""

    todo: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of a chain."""

    name: str
    look: Callable[[], Look]
    """Reads what is there; writes nothing."""
    work: Callable[[], str | None]
    """Does it; returns a line about the result."""


def show_plan(stages: Sequence[Stage], say: Say = print) -> None:
    """One line a stage, as things stand now. A stage after one that has work to do may find more than it says here."""
    for number, stage in enumerate(stages, 1):
        look = stage.look()
        say(line(number, len(stages), stage.name, look))


def run_stages(stages: Sequence[Stage], say: Say = print) -> None:
    """Run what has to be run, in order."""
    for number, stage in enumerate(stages, 1):
        look = stage.look()
        say(line(number, len(stages), stage.name, look))
        if not look.todo:
            continue
        began = time.monotonic()
        result = stage.work()
        say(f"      {result + ', ' if result else ''}{clock(time.monotonic() - began)}")


def line(number: int, count: int, name: str, look: Look) -> str:
    """`[2/6] prepare            find the faces of 12 videos`."""
    return f"[{number}/{count}] {name:20} {'' if look.todo else 'nothing to do: '}{look.reason}"
