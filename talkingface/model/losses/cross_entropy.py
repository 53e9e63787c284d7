"""Binary cross entropy of probabilities, safe in any precision."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from talkingface.model.layers.precision import wide

EDGE = 1e-7
"""Probabilities are kept this far from 0 and 1, so that the loss is at most 16.1 and no gradient explodes."""


def cross_entropy(probability: Tensor, target: Tensor | float) -> Tensor:
    """Mean binary cross entropy, in float32 or better whatever the autocast state.

    Args:
        probability: any shape; values beyond [0, 1] by rounding are clamped.
        target: the same shape, or one number for all.
    """
    with torch.autocast(probability.device.type, enabled=False):
        inside = wide(probability).clamp(EDGE, 1 - EDGE)
        wanted = target.to(inside.dtype) if isinstance(target, Tensor) else torch.full_like(inside, target)
        return F.binary_cross_entropy(inside, wanted)
