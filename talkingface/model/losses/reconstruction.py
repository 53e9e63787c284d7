"""Reconstruction losses: absolute error, with more weight on the mouth if wanted, and squared error; weighted sums."""

# H/W pixels

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from talkingface.model.layers.conv import wide

MOUTH_ROWS = (0.50, 0.95)
"""Where the mouth lies in a face crop, shares of its height: lips were seen from 0.54 to 0.81; the jaw moves too."""
MOUTH_COLUMNS = (0.15, 0.85)
"""Likewise, shares of its width: lips were seen from 0.10 to 0.77, mostly from 0.23 to 0.73."""
SOFT_EDGE = 0.10
"""Width of the ramp inside the rectangle's border, share of the crop."""


def _ramp(count: int, span: tuple[float, float], *, device: torch.device) -> Tensor:
    """(count,) values that rise linearly from 0 at the span's ends to 1 `SOFT_EDGE` further in."""
    centres = (torch.arange(count, device=device, dtype=torch.float32) + 0.5) / count
    inside = torch.minimum(centres - span[0], span[1] - centres)
    return (inside / SOFT_EDGE).clamp(0, 1)


def mouth_map(height: int, width: int, *, device: torch.device) -> Tensor:
    """(H, W) in [0, 1]: 1 where the mouth of a face crop lies, 0 far from it, a soft edge between."""
    rows = _ramp(height, MOUTH_ROWS, device=device)
    columns = _ramp(width, MOUTH_COLUMNS, device=device)
    return rows[:, None] * columns


def l1_loss(fake: Tensor, real: Tensor, *, mouth_weight: float = 1.0) -> Tensor:
    """Weighted mean of the absolute error, in float32 or better.

    Args:
        fake: (..., H, W) in [0, 1].
        real: like `fake`.
        mouth_weight: weight of a pixel in the mouth region when one far from it has 1; 1 is the plain mean.
    """
    error = (wide(fake) - real).abs()
    if mouth_weight == 1:
        return error.mean()
    weights = 1 + (mouth_weight - 1) * mouth_map(*error.shape[-2:], device=error.device)
    return (error * (weights / weights.mean())).mean()


def l2_loss(fake: Tensor, real: Tensor) -> Tensor:
    """Mean squared error, in float32 or better; what PSNR measures.

    Args:
        fake: any shape, in [0, 1].
        real: like `fake`.
    """
    return (wide(fake) - real).square().mean()


SCALES = 4
"""Sizes at which gradients are compared: the picture's own, half of it, and so on."""


def gradient_loss(fake: Tensor, real: Tensor) -> Tensor:
    """Mean absolute error of the differences between neighbouring pixels, at several scales, in float32 or better.

    It sees edges that lie wrong or are soft, which a mean of absolute errors hardly does, and needs no other network.

    Args:
        fake: (..., H, W) in [0, 1].
        real: like `fake`.
    """
    error = wide(fake) - real
    if error.dim() > 4:  # windows, (B, C, T, H, W)
        error = error.flatten(0, 1)
    total = torch.zeros((), device=error.device, dtype=error.dtype)
    scales = 0
    while scales < SCALES and min(error.shape[-2:]) > 1:
        total = total + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
        total = total + (error[..., :, 1:] - error[..., :, :-1]).abs().mean()
        error = F.avg_pool2d(error, 2)
        scales += 1
    return total / (2 * max(scales, 1))


def weighted_sum(losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Sum of loss times weight over the common names.

    Raises:
        KeyError: a loss has no weight or a weight no loss.
    """
    if losses.keys() != weights.keys():
        odd = sorted(losses.keys() ^ weights.keys())
        raise KeyError(f"losses {sorted(losses)} and weights {sorted(weights)} differ in {odd}")
    return torch.stack([loss * weights[name] for name, loss in losses.items()]).sum()
