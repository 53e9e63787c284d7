"""The contract between data and model: batch keys, shapes, ranges, and the step from stored bytes to network input.

Datasets give uint8 pixels (a quarter of the bytes to copy); `to_network` moves them to the device and
scales, masks and joins them there.
"""

# B batch, T frames, C channels, H/W pixels, M mel bins (80), S mel steps (16); of faces that HR draws S is the side

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

GT = "gt"
"""Target frames. Stored (B, 3, T, H, W) uint8 BGR; for the network float in [0, 1]."""
REFERENCE = "reference"
"""Frames of the same clip from another start, the identity to keep. Stored like `gt`; consumed by `to_network`."""
INPUT_FRAMES = "input_frames"
"""(B, 6, T, H, W) in [0, 1], made by `to_network`: target with its lower half zero, then reference."""
INDIV_MELS = "indiv_mels"
"""(B, T, 1, M, S) float32 in [-4, 4]: one mel window for each frame, longer where the model wants context."""
MELS = "mels"
"""(B, 1, M, S) float32 in [-4, 4]: the mel window of the whole five-frame window, for the sync expert."""
FACE_WINDOW = "face_window"
"""Expert training. Stored (B, 3, T, h, W) uint8 BGR lower halves; for the network (B, 3T, h, W) in [0, 1]."""
IN_SYNC = "in_sync"
"""(B, 1) float32: 1 where face window and mel belong together, else 0."""
OFF_MELS = "off_mels"
"""Expert training with several sounds a face: (B, K, M, S) float32, mel windows of other starts of the clip."""
GT_IMG = "gt_img"
"""What the HR decoder shall draw: real faces. Stored (B, 3, S, S) uint8 BGR; for the network float in [0, 1]."""
GT_SKETCH = "gt_sketch"
"""Their sketches. Stored (B, 1, S, S) uint8, 0 or 255; for the network three equal channels, 0 or 1."""
GT_MASK = "gt_mask"
"""Where their lips are. Stored (B, 1, S, S) uint8, 0 or 255; for the network 0 or 1."""
HYPER_IMG = "hyper_img"
"""The Base's faces of the same frames. Stored (B, 3, HYPER_SIZE, HYPER_SIZE); otherwise like `gt_img`."""
HYPER_SKETCH = "hyper_sketch"
"""Their sketches. Stored (B, 1, HYPER_SIZE, HYPER_SIZE); otherwise like `gt_sketch`."""

HYPER_SIZE = 128
"""Side of the Base's faces where the decoder reads them, whatever size they were drawn at."""

Batch = dict[str, Tensor]


def mask_lower_half(frames: Tensor) -> Tensor:
    """Return a copy of (..., H, W) frames whose lower half, from row H // 2, is zero."""
    masked = frames.clone()
    masked[..., frames.shape[-2] // 2 :, :] = 0
    return masked


def stack_frames(frames: Tensor) -> Tensor:
    """(B, C, T, H, W) -> (B, T*C, H, W): frame 0's channels, then frame 1's, as sync experts read a window."""
    return frames.transpose(1, 2).flatten(1, 2)


def to_network(batch: Mapping[str, Tensor], device: torch.device) -> Batch:
    """Move a collated batch to `device` and turn stored pixels into network input.

    uint8 becomes float in [0, 1]; `gt` + `reference` become `gt` + `input_frames`; `face_window` is stacked;
    sketches get three equal channels.
    """
    out: Batch = {}
    for key, value in batch.items():
        moved = value.to(device, non_blocking=True)
        out[key] = moved.float().div_(255) if moved.dtype == torch.uint8 else moved
    if REFERENCE in out:
        out[INPUT_FRAMES] = torch.cat([mask_lower_half(out[GT]), out.pop(REFERENCE)], dim=1)
    if FACE_WINDOW in out:
        out[FACE_WINDOW] = stack_frames(out[FACE_WINDOW])
    for key in (GT_SKETCH, HYPER_SKETCH):
        if key in out:
            out[key] = out[key].expand(-1, 3, -1, -1)
    return out
