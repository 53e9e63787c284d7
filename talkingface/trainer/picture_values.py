"""PSNR and SSIM of validation frames, by the functions that evaluations use."""

# B batch, T frames, H/W pixels

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from talkingface.evaluator.stages import EQUAL, MEASURES

MOST_FRAMES = 4
"""Frames of a batch that are measured: the middle ones of its first samples, the same each time."""
SMALLEST = 24
"""Side of a face from which the mouth's region holds SSIM's window of 11 pixels; smaller ones are not measured."""


@torch.no_grad()
def picture_values(fake: Tensor, real: Tensor) -> dict[str, Tensor]:
    """Mean PSNR (dB) and SSIM of face and mouth, `psnr`, `psnr_mouth`, `ssim`, `ssim_mouth`; empty for tiny faces.

    A frame that equals the real one counts 100 dB. Unlike in an evaluation nothing has been pasted or encoded.

    Args:
        fake: (B, 3, T, H, W) BGR in [0, 1], as drawn.
        real: likewise, the frames that it shall equal.
    """
    if min(fake.shape[-2:]) < SMALLEST:
        return {}
    drawn, wanted = _middle_frames(fake), _middle_frames(real)
    return {
        name: torch.tensor(np.mean([min(measure(a, b), EQUAL) for a, b in zip(drawn, wanted, strict=True)]))
        for name, measure in MEASURES.items()
    }


def _middle_frames(faces: Tensor) -> np.ndarray:
    """uint8 (n, H, W, 3), rounded as written pictures are."""
    frames = faces[:MOST_FRAMES, :, faces.shape[2] // 2].float().clamp(0, 1)
    # (n, 3, H, W) to (n, H, W, 3)
    return frames.mul(255).round().byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()
