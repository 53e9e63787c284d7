"""Learning rate, against numbers worked by hand."""

from __future__ import annotations

import pytest

from talkingface.config.schema import ModelConfig
from talkingface.trainer.progress import Progress
from talkingface.trainer.schedule import rate_factor


def test_warmup_rises_linearly_then_stays() -> None:
    config = ModelConfig(warmup_steps=4)
    found = [rate_factor(config, Progress(step=step)) for step in (0, 1, 2, 3, 4, 1000)]
    assert found == [0.25, 0.5, 0.75, 1, 1, 1]


@pytest.mark.parametrize(("step", "factor"), [(0, 1.0), (50, 0.51), (100, 0.02), (200, 0.02)])
def test_cosine_falls_over_the_steps(step: int, factor: float) -> None:
    config = ModelConfig(lr_schedule="cosine", max_steps=100)
    assert rate_factor(config, Progress(step=step)) == pytest.approx(factor)


def test_cosine_at_a_third() -> None:
    config = ModelConfig(lr_schedule="cosine", max_steps=300)
    assert rate_factor(config, Progress(step=100)) == pytest.approx(0.02 + 0.98 * 0.75)  # cos 60 degrees = 1/2


@pytest.mark.parametrize("minutes", [0.0, 1.0, 9.9, 30.0])
def test_rate_does_not_depend_on_the_clock(minutes: float) -> None:
    config = ModelConfig(lr_schedule="cosine", max_minutes=10, warmup_steps=4)
    before = [rate_factor(config, Progress(step=step, minutes=minutes)) for step in (1, 50, 99)]
    assert before == [0.5, 1, 1], "the beginning's rate until the speed is known"
    planned = Progress(step=150, minutes=minutes, steps_per_minute=30)
    assert rate_factor(config, planned) == pytest.approx(0.51)  # half of 300 steps


def test_cosine_follows_the_nearer_of_two_ends() -> None:
    config = ModelConfig(lr_schedule="cosine", max_steps=100, max_minutes=10)
    assert rate_factor(config, Progress(step=50)) == pytest.approx(0.51)
    assert rate_factor(config, Progress(step=25, steps_per_minute=5)) == pytest.approx(0.51)
    assert rate_factor(config, Progress(step=50, steps_per_minute=20)) == pytest.approx(0.51)
