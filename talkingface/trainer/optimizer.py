"""Optimizers from the recipe, and setting their learning rate."""

from __future__ import annotations

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
