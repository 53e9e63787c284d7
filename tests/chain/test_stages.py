"""Stages are looked at when their turn comes, and do nothing where their result stands."""

from __future__ import annotations

import pytest

from talkingface.chain.stage import Look, Stage, clock, run_stages, show_plan


def stages(done: set[str]) -> list[Stage]:
    """`a` makes what `b` looks for."""

    def one(name: str, makes: str) -> Stage:
        def work() -> str:
            done.add(makes)
            return f"{makes} made"

        return Stage(name=name, look=lambda: Look(makes not in done, makes), work=work)

    return [one("a", "x"), one("b", "x"), one("c", "y")]


def test_each_is_looked_at_in_its_turn():
    lines: list[str] = []
    run_stages(stages(set()), lines.append)
    assert [line.split()[:3] for line in lines] == [
        ["[1/3]", "a", "x"], ["x", "made,", "0.0"], ["[2/3]", "b", "nothing"],
        ["[3/3]", "c", "y"], ["y", "made,", "0.0"],
    ]  # fmt: skip


def test_a_plan_does_nothing():
    done: set[str] = set()
    lines: list[str] = []
    show_plan(stages(done), lines.append)
    assert len(lines) == 3 and not done


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.9, "9.9 s"), (59.2, "59 s"), (185, "3 min 5 s"), (7460, "2 h 4 min")]
)
def test_clock(seconds: float, text: str):
    assert clock(seconds) == text
