"""What a training batch of the second stage is changed to: lower halves moved, patches cut."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from talkingface.batch import HYPER_IMG, HYPER_SKETCH, Batch


def move_lower_halves(batch: Batch, pixels: float) -> Batch:
    """Move the lower half of each base face, with its sketch, at random by up to so many pixels each way.

    The upper half stays; between them the movement grows evenly over a sixth of the height.
    """
    pictures = torch.cat([batch[HYPER_IMG], batch[HYPER_SKETCH]], dim=1)
    count, _, height, width = pictures.shape
    centres = [(torch.arange(side, device=pictures.device) + 0.5) * 2 / side - 1 for side in (height, width)]
    share = (centres[0] * 3).clamp(0, 1)
    moves = ((torch.rand(count, 2) * 2 - 1) * pixels * 2 / width).to(pictures.device)
    y = centres[0] + moves[:, :1] * share
    grid_y = y[:, :, None].expand(-1, -1, width)
    grid_x = centres[1] + (moves[:, 1:] * share)[:, :, None]
    grid = torch.stack([grid_x, grid_y], dim=-1)
    moved = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    return {**batch, HYPER_IMG: moved[:, :3], HYPER_SKETCH: moved[:, 3:]}


def cut_patch(batch: Batch, side: int) -> Batch:
    """The same random patch of all pictures of a batch: `side` pixels of base faces, as much of the real ones.

    Where a patch has no lips, lip losses look at all of it.
    """
    size = batch[HYPER_IMG].shape[-1]
    top, left = (int(torch.randint(size - side + 1, ())) for _ in range(2))
    patch: Batch = {}
    for key, pictures in batch.items():
        scale = pictures.shape[-1] // size
        patch[key] = pictures[..., top * scale : (top + side) * scale, left * scale : (left + side) * scale]
    return patch
