"""Folding frames into the batch, time-major: all samples' frame 0, then frame 1, ..."""

# B batch, T frames, C channels, H/W pixels

from __future__ import annotations

from torch import Tensor


def fold_frames(frames: Tensor) -> Tensor:
    """(B, C, T, H, W) -> (T*B, C, H, W)."""
    return frames.permute(2, 0, 1, 3, 4).flatten(0, 1)


def fold_mels(mels: Tensor) -> Tensor:
    """(B, T, 1, M, S) -> (T*B, 1, M, S)."""
    return mels.transpose(0, 1).flatten(0, 1)


def split_frames(folded: Tensor, num_frames: int) -> Tensor:
    """(T*B, C, H, W) -> (B, C, T, H, W), the inverse of `fold_frames`."""
    return folded.unflatten(0, (num_frames, -1)).permute(1, 2, 0, 3, 4)
