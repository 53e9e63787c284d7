"""Optimizers from the recipe, and setting their learning rate.

How far training has come: the counters that a checkpoint keeps, the learning-rate factor, the end and the ETA.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from talkingface.config.schema import ModelConfig

CLASSES = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def make_optimizer(module: nn.Module, recipe: ModelConfig, *, learning_rate: float) -> Optimizer:
    """Return the recipe's optimizer for a network's weights; each update is one fused kernel a device."""
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    optimizer = CLASSES[recipe.optimizer](
        weights,
        lr=learning_rate,
        betas=(recipe.adam_beta1, recipe.adam_beta2),
        weight_decay=recipe.weight_decay,
        fused=all(weight.device.type in ("cpu", "cuda") for weight in weights),
    )
    for group in optimizer.param_groups:
        group["base_lr"] = learning_rate
    return optimizer


def set_learning_rate(optimizer: Optimizer, factor: float) -> None:
    """Set every group's rate to `factor` of the one it was made with."""
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor


LOWEST_RATE = 0.02
"""Share of the learning rate that the cosine schedule ends with."""


@dataclass(kw_only=True)
class Progress:
    """Counters of one training, saved whole with every checkpoint."""

    step: int = 0
    """Optimizer steps done; with the batch size it is also the position in the data."""
    minutes: float = 0.0
    """Minutes trained, those before a resume included."""
    best_score: float | None = None
    """Lowest validation loss so far."""
    best_step: int | None = None
    """Step of `best_score`."""
    bad_validations: int = 0
    """Validations since `best_score`, for early stopping."""
    validated_step: int | None = None
    """Step of the last validation."""
    metrics: dict[str, float] = field(default_factory=dict)
    """Values of the last validation."""

    def to_plain(self) -> dict[str, Any]:
        """Return the counters as plain data."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)} | {"metrics": dict(self.metrics)}

    def load_plain(self, values: Mapping[str, Any]) -> None:
        """Take over what `to_plain` gave."""
        for entry in fields(self):
            setattr(self, entry.name, values[entry.name])

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


def total_steps(config: ModelConfig, num_samples: int) -> int:
    """Steps after which training ends at the latest, from `epochs` and `max_steps`."""
    steps = math.ceil(config.epochs * num_samples / config.samples_per_step)
    return steps if config.max_steps is None else min(steps, config.max_steps)


def is_finished(config: ModelConfig, progress: Progress, num_samples: int) -> bool:
    """Whether `epochs`, `max_steps`, `max_minutes` or `early_stopping` has been reached."""
    if progress.step >= total_steps(config, num_samples):
        return True
    if config.max_minutes is not None and progress.minutes >= config.max_minutes:
        return True
    return config.early_stopping is not None and progress.bad_validations >= config.early_stopping


def rate_factor(config: ModelConfig, progress: Progress) -> float:
    """Share of the learning rate to use for the step after `progress.step`.

    A linear rise over `warmup_steps`, times 1 (`constant`) or a cosine from 1 to `LOWEST_RATE` over the nearer of
    `max_steps` and `max_minutes` (`cosine`).
    """
    warmup = min(1.0, (progress.step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    if config.lr_schedule == "constant":
        return warmup
    by_steps = progress.step / config.max_steps if config.max_steps else 0.0
    by_minutes = progress.minutes / config.max_minutes if config.max_minutes else 0.0
    done = min(1.0, max(by_steps, by_minutes))
    return warmup * (LOWEST_RATE + (1 - LOWEST_RATE) * (1 + math.cos(math.pi * done)) / 2)


def seconds_left(config: ModelConfig, progress: Progress, num_samples: int, steps_per_second: float) -> float:
    """Seconds to the nearest end at the present speed."""
    left = (total_steps(config, num_samples) - progress.step) / max(steps_per_second, 1e-9)
    if config.max_minutes is not None:
        left = min(left, 60 * (config.max_minutes - progress.minutes))
    return max(left, 0.0)
