"""Pictures and tensors: the one place where layout, number type and range change between files and networks.

A *picture* is uint8 (H, W, 3), as OpenCV reads and writes it. A network's faces are float32 (3, H, W) in [0, 1]. Both
are BGR; a batch of either has N of them.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talkingface.batch import mask_lower_half

# N pictures, H/W pixels, S side of a sketch

Pictures = NDArray[np.uint8]
"""(N, H, W, 3) BGR."""


def to_tensor(pictures: Pictures, device: torch.device) -> Tensor:
    """(N, H, W, 3) uint8 to (N, 3, H, W) float32 in [0, 1] on the device; in memory the channels stay last."""
    return torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float().div_(255)


def to_pictures(faces: Tensor) -> Pictures:
    """(N, 3, H, W) in [0, 1] to (N, H, W, 3) uint8, rounded; values outside are clipped."""
    pixels = faces.float().clamp(0, 1).mul(255).round().to(torch.uint8)  # on the device: a quarter of the bytes to copy
    return pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def input_frames(targets: Pictures, references: Pictures, device: torch.device) -> Tensor:
    """Masked targets, then references, as generators read single frames.

    Args:
        targets: (N, H, W, 3); their lower halves are not shown.
        references: (N, H, W, 3), or (1, H, W, 3) for all.
        device: where the network is.

    Returns:
        (N, 6, H, W) in [0, 1].
    """
    target, reference = to_tensor(targets, device), to_tensor(references, device)
    return torch.cat([mask_lower_half(target), reference.expand_as(target)], dim=1).contiguous()


def sketches_to_tensor(sketches: NDArray[np.uint8], device: torch.device) -> Tensor:
    """(N, S, S) uint8, 0 or 255, to (N, 3, S, S) float32, 0 or 1: three equal channels, as the decoder reads them."""
    return torch.from_numpy(sketches).to(device)[:, None].float().div_(255).expand(-1, 3, -1, -1)


def to_rgb(picture: NDArray[np.uint8]) -> Tensor:
    """(H, W, 3) BGR to uint8 (3, H, W) RGB, as TensorBoard wants it."""
    return torch.from_numpy(np.ascontiguousarray(picture[..., ::-1].transpose(2, 0, 1)))
