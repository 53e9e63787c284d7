"""Optimizers, their rate from step to step, and the pace that makes steps of minutes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from talkingface.config.schema import ModelConfig
from talkingface.trainer import distributed
from talkingface.trainer.progress import Progress, is_plan_due, planned_steps, total_steps
from talkingface.trainer.train_log import TrainLog
from talkingface.utils import logger

CLASSES = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
LOWEST_RATE = 0.02
"""Share of the learning rate that the cosine schedule ends with."""


def make_optimizer(module: nn.Module, recipe: ModelConfig, *, learning_rate: float) -> Optimizer:
    """The recipe's optimizer for a network's weights; each update is one fused kernel a device."""
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
    options = [_options(group) for group in optimizer.param_groups]

    def keep_options(_: Optimizer, state: dict[str, Any]) -> dict[str, Any]:
        """A checkpoint brings the moments; rate, decay and kernels are the configuration's, which may have changed."""
        groups = zip(state["param_groups"], options, strict=True)
        return {**state, "param_groups": [{**group, **own} for group, own in groups]}

    optimizer.register_load_state_dict_pre_hook(keep_options)
    return optimizer


def _options(group: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in group.items() if key != "params"}


def set_learning_rate(optimizer: Optimizer, factor: float) -> None:
    """Set every group's rate to `factor` of the one it was made with."""
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor


def rate_factor(config: ModelConfig, progress: Progress) -> float:
    """Share of the learning rate to use for the step after `progress.step`.

    A linear rise over `warmup_steps`, times 1 (`constant`) or a cosine (`cosine`) that falls from 1 to `LOWEST_RATE`
    over `max_steps` or the steps that `max_minutes` means, whichever are fewer. Where only minutes are given, the
    cosine stays at 1 until their steps are known.
    """
    warmup = min(1.0, (progress.step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    if config.lr_schedule == "constant":
        return warmup
    ends = [end for end in (config.max_steps, planned_steps(config, progress)) if end is not None]
    done = min(1.0, progress.step / min(ends)) if ends else 0.0
    return warmup * (LOWEST_RATE + (1 - LOWEST_RATE) * (1 + math.cos(math.pi * done)) / 2)


FIRST_STEPS = 20
"""Steps of this process after which it tells how long training will take."""
LATE = 1.5
"""Times `max_minutes` that the planned steps may take before a line says so."""


class Pace:
    """Ticks after each step.

    Args:
        config: the recipe.
        progress: its `minutes` and `steps_per_minute` are set here.
        num_samples: of the training data.
        log: takes the lines.
        seconds: a clock; it is read now and at each tick.
    """

    def __init__(
        self, config: ModelConfig, progress: Progress, *, num_samples: int, log: TrainLog, seconds: Callable[[], float]
    ) -> None:
        self.config, self.progress, self.num_samples, self.log = config, progress, num_samples, log
        self._seconds, self._read = seconds, seconds()
        self._minutes = self._minutes_before = progress.minutes
        self._steps_before = progress.step
        self._is_late = False
        self._plan()  # due now where a checkpoint has many steps and, being an older one, no speed

    def tick(self) -> None:
        """Count the time since the last tick. Several processes must agree on it, as it may decide the end."""
        step, now = self.progress.step, self._seconds()
        self._minutes, self._read = self._minutes + (now - self._read) / 60, now
        if distributed.world() == 1 or step % self.config.log_every == 0:
            self.progress.minutes = self._minutes = distributed.broadcast_object(self._minutes)
        self._plan()
        if step - self._steps_before == FIRST_STEPS and not self._waits_for_plan:
            self._say_duration()
        self._say_if_late()

    @property
    def _waits_for_plan(self) -> bool:
        return self.config.max_minutes is not None and self.progress.steps_per_minute is None

    def _plan(self) -> None:
        """Fix the steps that `max_minutes` means, from the speed so far, if it is time to."""
        if not is_plan_due(self.config, self.progress):
            return
        speed = self.progress.step / max(self._minutes, 1e-9)
        self.progress.steps_per_minute = distributed.broadcast_object(speed)
        planned, total = planned_steps(self.config, self.progress), self._total()
        self.log.set_total(total)
        if planned == total:
            self.log.say(
                f"planned: {planned:,} steps in about {self.config.max_minutes:g} minutes, "
                f"from the speed of the first {self.progress.step:,}"
            )
        elif self.progress.step > self._steps_before:  # another end comes first
            self._say_duration()

    def _say_duration(self) -> None:
        total, before = self._total(), self._steps_before
        minutes_per_step = (self._minutes - self._minutes_before) / (self.progress.step - before)
        left = f"{total - before:,} of {total:,} steps left" if before else f"{total:,} steps"
        self.log.say(f"{left}, about {logger.clock(60 * minutes_per_step * (total - before))} at this speed")

    def _say_if_late(self) -> None:
        step, wanted = self.progress.step, self.config.max_minutes
        if self._is_late or wanted is None or self._waits_for_plan or step % self.config.log_every:
            return
        minutes = self._minutes + (self._total() - step) * self._minutes / step
        if minutes > LATE * wanted:
            self._is_late = True
            self.log.say(
                f"slower than planned: {self._total():,} steps will take about {logger.clock(60 * minutes)}, not "
                f"{wanted:g} minutes; to end earlier, stop and go on with a smaller max_steps"
            )

    def _total(self) -> int:
        return total_steps(self.config, self.progress, self.num_samples)
