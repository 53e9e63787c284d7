"""How far a training has come and where it ends: the counters of a checkpoint, the four ends, the time that is left.

Ends are counted in steps alone, so that a training is the same on every machine and after every resume. An end in
minutes becomes a number of steps once, from the speed of the first `MEASURED_STEPS` steps; that speed is kept with the
counters, and a larger `max_minutes` means more steps of the same speed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from talkingface.config.schema import ModelConfig

MEASURED_STEPS = 100
"""Steps whose speed decides how many steps `max_minutes` means."""


@dataclass(kw_only=True)
class Progress:
    """Counters of one training, saved whole with every checkpoint."""

    step: int = 0
    """Optimizer steps done; with the batch size it is also the position in the data."""
    minutes: float = 0.0
    """Minutes trained, those before a resume included, the start of loader processes not."""
    steps_per_minute: float | None = None
    """Speed of the first `MEASURED_STEPS` steps; None before, and where no end is given in minutes."""
    best_score: float | None = None
    """Lowest validation loss so far."""
    best_step: int | None = None
    """Step of `best_score`."""
    bad_validations: int = 0
    """Validations since `best_score`, for early stopping."""
    nonfinite_in_a_row: int = 0
    """Steps at the end whose loss or gradient was not finite."""
    validated_step: int | None = None
    """Step of the last validation."""
    metrics: dict[str, float] = field(default_factory=dict)
    """Values of the last validation."""

    def to_plain(self) -> dict[str, Any]:
        """The counters as plain data."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)} | {"metrics": dict(self.metrics)}

    def load_plain(self, values: Mapping[str, Any]) -> None:
        """Take over what `to_plain` gave; a counter that an older checkpoint lacks keeps its value."""
        for entry in fields(self):
            setattr(self, entry.name, values.get(entry.name, getattr(self, entry.name)))

    def record_validation(self, metrics: Mapping[str, float]) -> bool:
        """Note a validation's values; returns whether its loss is the lowest so far."""
        self.metrics = dict(metrics)
        self.validated_step = self.step
        better = self.best_score is None or metrics["loss"] < self.best_score
        if better:
            self.best_score, self.best_step, self.bad_validations = metrics["loss"], self.step, 0
        else:
            self.bad_validations += 1
        return better


@dataclass(frozen=True, kw_only=True)
class FitResult:
    """How a training ended."""

    steps: int
    """Optimizer steps done in all, those before a resume included."""
    best_score: float | None
    """Lowest validation loss; None without validation data."""
    best: Path
    """Checkpoint of `best_score`; the last one without validation data."""
    last: Path
    """Checkpoint of the last step."""


def planned_steps(config: ModelConfig, progress: Progress) -> int | None:
    """Steps that `max_minutes` means; None where it is not set, or the speed has not been measured yet."""
    if config.max_minutes is None or progress.steps_per_minute is None:
        return None
    return max(1, round(config.max_minutes * progress.steps_per_minute))


def is_plan_due(config: ModelConfig, progress: Progress) -> bool:
    """Whether the speed is to be measured now: enough steps are done, and an end in minutes waits for it."""
    return config.max_minutes is not None and progress.steps_per_minute is None and progress.step >= MEASURED_STEPS


def total_steps(config: ModelConfig, progress: Progress, num_samples: int) -> int:
    """Steps after which training ends at the latest, by `epochs`, `max_steps` and what is known of `max_minutes`."""
    ends = (_epoch_steps(config, num_samples), config.max_steps, planned_steps(config, progress))
    return min(end for end in ends if end is not None)


def ended_by(config: ModelConfig, progress: Progress, num_samples: int) -> str | None:
    """The key whose end has been reached: `max_steps`, `epochs`, `max_minutes` or `early_stopping`; None if none has.

    Before the speed is measured, `max_minutes` is held against the clock: a training whose time is over by then ends.
    """
    planned = planned_steps(config, progress)
    out_of_time = config.max_minutes is not None and progress.minutes >= config.max_minutes
    reached = {
        "max_steps": config.max_steps is not None and progress.step >= config.max_steps,
        "epochs": progress.step >= _epoch_steps(config, num_samples),
        "max_minutes": out_of_time if planned is None else progress.step >= planned,
        "early_stopping": config.early_stopping is not None and progress.bad_validations >= config.early_stopping,
    }
    return next((name for name, is_reached in reached.items() if is_reached), None)


def end_status(config: ModelConfig, progress: Progress, num_samples: int) -> dict[str, Any]:
    """How a training ended, for its status.json; `extends` reads it."""
    return {
        "ended_by": ended_by(config, progress, num_samples),
        "steps": progress.step,
        "minutes": progress.minutes,
        "steps_per_minute": progress.steps_per_minute,
        "planned_steps": planned_steps(config, progress),
        "bad_validations": progress.bad_validations,
        "best_score": progress.best_score,
        "train_samples": num_samples,
    }


def extends(config: ModelConfig, status: Mapping[str, Any]) -> bool:
    """Whether a finished run would go on under this recipe: the end that it ended by lies later, no other is reached.

    Args:
        config: the recipe now.
        status: the run's status.json. One of before this was noted says too little: such a run stays as it is.
    """
    if not status.get("finished") or not status.get("ended_by"):
        return False
    progress = Progress(
        step=status["steps"],
        minutes=status["minutes"],
        steps_per_minute=status["steps_per_minute"],
        bad_validations=status["bad_validations"],
    )
    return ended_by(config, progress, status["train_samples"]) is None


def seconds_left(config: ModelConfig, progress: Progress, num_samples: int, steps_per_second: float) -> float:
    """Seconds to the nearest end at the present speed."""
    left = (total_steps(config, progress, num_samples) - progress.step) / max(steps_per_second, 1e-9)
    if config.max_minutes is not None and planned_steps(config, progress) is None:
        left = min(left, 60 * (config.max_minutes - progress.minutes))
    return max(left, 0.0)


def _epoch_steps(config: ModelConfig, num_samples: int) -> int:
    return math.ceil(config.epochs * num_samples / config.samples_per_step)
