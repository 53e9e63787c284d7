"""Binary cross entropy of probabilities, safe in any precision."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from talkingface.model.layers.precision import wide


def cross_entropy(probability: Tensor, target: Tensor | float) -> Tensor:
    """Mean binary cross entropy, in float32 or better whatever the autocast state.

    Args:
        probability: any shape, in [0, 1].
        target: the same shape, or one number for all.
    """
    with torch.autocast(probability.device.type, enabled=False):
        given = wide(probability)
        wanted = target.to(given.dtype) if isinstance(target, Tensor) else torch.full_like(given, target)
        return F.binary_cross_entropy(given, wanted)
