"""Optimizers as the recipe asks for them, and the learning rate of each step."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.optim import Optimizer

from talkingface.config.schema import ModelConfig
from talkingface.trainer.progress import Progress, planned_steps

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
    return optimizer


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
