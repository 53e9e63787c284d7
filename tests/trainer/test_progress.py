"""End, remaining time and what extends a run, against numbers worked by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from talkingface.config.schema import ModelConfig
from talkingface.trainer.progress import (
    Progress,
    end_status,
    ended_by,
    extends,
    planned_steps,
    seconds_left,
    total_steps,
)


def at(step: int, minutes: float = 0.0, **values: Any) -> Progress:
    return Progress(step=step, minutes=minutes, **values)


def test_minutes_mean_steps_once_the_speed_is_known() -> None:
    config = ModelConfig(max_minutes=10)
    assert planned_steps(config, at(99, 0.5)) is None
    assert planned_steps(config, at(100, 0.5, steps_per_minute=134.04)) == 1340
    assert planned_steps(replace(config, max_minutes=15), at(100, steps_per_minute=134.04)) == 2011
    assert planned_steps(ModelConfig(max_steps=5), at(100, steps_per_minute=134.04)) is None


def test_latest_end() -> None:
    assert total_steps(ModelConfig(epochs=3, train_batch_size=4), at(0), 7) == 6  # 21 samples: five batches and a bit
    assert total_steps(ModelConfig(epochs=3, train_batch_size=4, max_steps=5), at(0), 7) == 5
    minutes = ModelConfig(max_minutes=2, train_batch_size=4)
    assert total_steps(minutes, at(0), 100) == 25_000
    assert total_steps(minutes, at(0, steps_per_minute=30), 100) == 60


def test_ends() -> None:
    assert ended_by(ModelConfig(epochs=3, train_batch_size=4), at(6), 7) == "epochs"
    steps = ModelConfig(max_steps=10, train_batch_size=4)
    assert ended_by(steps, at(9), 100) is None
    assert ended_by(steps, at(10), 100) == "max_steps"
    early = ModelConfig(early_stopping=3)
    assert ended_by(early, at(10, bad_validations=2), 100) is None
    assert ended_by(early, at(10, bad_validations=3), 100) == "early_stopping"


def test_minutes_end_by_the_clock_only_until_the_speed_is_known() -> None:
    minutes = ModelConfig(max_minutes=2)
    assert ended_by(minutes, at(10, 1.99), 100) is None
    assert ended_by(minutes, at(10, 2.0), 100) == "max_minutes"
    assert ended_by(minutes, at(199, 7.0, steps_per_minute=100), 100) is None, "a slower machine takes longer"
    assert ended_by(minutes, at(200, 1.0, steps_per_minute=100), 100) == "max_minutes"


def test_time_left_is_that_of_the_nearest_end() -> None:
    config = ModelConfig(max_steps=100, max_minutes=1)
    assert seconds_left(config, at(50), 1000, steps_per_second=10) == pytest.approx(5)
    assert seconds_left(config, at(50, 0.95), 1000, steps_per_second=0.1) == pytest.approx(3)
    assert seconds_left(config, at(50, 0.95, steps_per_minute=60), 1000, steps_per_second=0.1) == pytest.approx(100)
    assert seconds_left(config, at(200, 2), 1000, steps_per_second=1) == 0


@pytest.mark.parametrize(
    ("ended", "progress", "later", "not_later"),
    [
        ({"max_steps": 4}, at(4), {"max_steps": 6}, {"max_steps": 3}),
        ({"epochs": 3}, at(6), {"epochs": 4}, {"epochs": 2}),
        ({"max_minutes": 2}, at(60, 2.1, steps_per_minute=30), {"max_minutes": 3}, {"max_minutes": 1}),
        ({"max_minutes": 2}, at(60, 2.1), {"max_minutes": 3}, {"max_minutes": 2.05}),
        ({"early_stopping": 2}, at(5, bad_validations=2), {"early_stopping": 3}, {"early_stopping": 1}),
    ],
)
def test_a_later_end_extends_a_finished_run(
    ended: dict[str, Any], progress: Progress, later: dict[str, Any], not_later: dict[str, Any]
) -> None:
    config = ModelConfig(train_batch_size=4, **ended)
    status = {"finished": True} | end_status(config, progress, 7)
    assert status["ended_by"] == next(iter(ended))
    assert not extends(config, status)
    assert not extends(replace(config, **not_later), status)
    assert extends(replace(config, **later), status)
    assert not extends(replace(config, **later), status | {"finished": False}), "it goes on anyway"
    assert not extends(replace(config, **later | {"max_steps": progress.step}), status), "another end is reached"


def test_a_run_of_before_ends_were_noted_stays_as_it_is() -> None:
    status = {"finished": True, "steps": 4, "best_score": 0.5}
    assert not extends(ModelConfig(max_steps=6), status)


def test_progress_survives(tmp_path) -> None:
    progress = Progress(step=9, minutes=1.5, steps_per_minute=6.25)
    progress.record_validation({"loss": 0.5, "accuracy": 0.7})
    progress.record_validation({"loss": 0.6, "accuracy": 0.8})
    torch.save(progress.to_plain(), tmp_path / "progress.pth")
    other = Progress()
    other.load_plain(torch.load(tmp_path / "progress.pth", weights_only=True))
    assert other == progress
    assert (other.best_score, other.bad_validations, other.metrics["accuracy"]) == (0.5, 1, 0.8)


def test_counters_of_an_older_checkpoint_load() -> None:
    plain = Progress(step=9, minutes=1.5).to_plain()
    del plain["steps_per_minute"]
    progress = Progress()
    progress.load_plain(plain)
    assert progress == Progress(step=9, minutes=1.5)
