"""Scales for losses in fp16, whose small gradients would round to nothing; one for each optimizer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.amp import GradScaler
from torch.optim import Optimizer

from talkingface.utils.device import arithmetic

KEY = "loss_scale"
"""In the first group of an optimizer's state: the scale's own state. Other arithmetic leaves it out and ignores it, so
that a training can go on in another precision."""


class LossScales:
    """Scales that pass losses through unchanged where the arithmetic is not fp16.

    A step whose gradients overflow is left out, on the device and without waiting for it, and the scale is halved.
    """

    def __init__(self, device: torch.device, precision: str) -> None:
        self.device = device
        self.enabled = arithmetic(device, precision) == "fp16"
        self._of: dict[Optimizer, GradScaler] = {}

    def join(self, parts: Iterable[object]) -> None:
        """Let the optimizers among the parts of a checkpoint hold their scales."""
        for part in parts:
            if isinstance(part, Optimizer):
                self.of(part)

    def of(self, optimizer: Optimizer) -> GradScaler:
        """The optimizer's scale, made when first asked for; from then on a checkpoint of the optimizer holds it."""
        if optimizer not in self._of:
            scaler = self._of[optimizer] = GradScaler(self.device.type, enabled=self.enabled)
            optimizer.register_state_dict_post_hook(lambda _, state: _write(scaler, state))
            optimizer.register_load_state_dict_post_hook(lambda loaded: _read(scaler, loaded))
        return self._of[optimizer]


def _write(scaler: GradScaler, state: dict[str, Any]) -> None:
    if scaler.is_enabled():
        state["param_groups"][0][KEY] = scaler.state_dict()


def _read(scaler: GradScaler, optimizer: Optimizer) -> None:
    stored = optimizer.param_groups[0].pop(KEY, None)
    if stored is not None and scaler.is_enabled():
        scaler.load_state_dict(stored)
