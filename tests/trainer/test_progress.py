"""Learning rate, end and remaining time, against numbers worked by hand."""

from __future__ import annotations

import pytest

from talkingface.config.schema import ModelConfig
from talkingface.trainer.schedule import Progress, is_finished, rate_factor, seconds_left, total_steps


def at(step: int, minutes: float = 0.0, **values: int) -> Progress:
    return Progress(step=step, minutes=minutes, **values)


def test_warmup_rises_linearly_then_stays() -> None:
    config = ModelConfig(warmup_steps=4)
    assert [rate_factor(config, at(step)) for step in (0, 1, 2, 3, 4, 1000)] == [0.25, 0.5, 0.75, 1, 1, 1]


@pytest.mark.parametrize(
    ("step", "minutes", "factor"),
    [(0, 0, 1.0), (50, 0, 0.51), (100, 0, 0.02), (0, 5, 0.51), (50, 2, 0.51), (10, 5, 0.51), (200, 20, 0.02)],
)
def test_cosine_follows_the_nearer_end(step: int, minutes: float, factor: float) -> None:
    config = ModelConfig(lr_schedule="cosine", max_steps=100, max_minutes=10)
    assert rate_factor(config, at(step, minutes)) == pytest.approx(factor)


def test_cosine_at_a_third() -> None:
    config = ModelConfig(lr_schedule="cosine", max_steps=300)
    assert rate_factor(config, at(100)) == pytest.approx(0.02 + 0.98 * 0.75)  # cos 60 degrees = 1/2


def test_ends() -> None:
    assert total_steps(ModelConfig(epochs=3, train_batch_size=4), 7) == 6  # 21 samples: five batches and a bit
    assert total_steps(ModelConfig(epochs=3, train_batch_size=4, max_steps=5), 7) == 5
    steps = ModelConfig(max_steps=10, train_batch_size=4)
    assert not is_finished(steps, at(9), 100)
    assert is_finished(steps, at(10), 100)
    minutes = ModelConfig(max_minutes=2)
    assert not is_finished(minutes, at(10, 1.99), 100)
    assert is_finished(minutes, at(10, 2.0), 100)
    early = ModelConfig(early_stopping=3)
    assert not is_finished(early, at(10, bad_validations=2), 100)
    assert is_finished(early, at(10, bad_validations=3), 100)


def test_time_left_is_that_of_the_nearest_end() -> None:
    config = ModelConfig(max_steps=100, max_minutes=1)
    assert seconds_left(config, at(50), 1000, steps_per_second=10) == pytest.approx(5)
    assert seconds_left(config, at(50, 0.95), 1000, steps_per_second=0.1) == pytest.approx(3)
    assert seconds_left(config, at(200, 2), 1000, steps_per_second=1) == 0
