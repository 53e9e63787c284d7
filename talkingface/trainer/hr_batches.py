"""Patches of a training batch of the second stage."""

from __future__ import annotations

import torch

from talkingface.batch import HYPER_IMG, Batch


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
