"""Copy windows out of a packed clip, in the layout that a batch has."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.utils.media.mel import MEL_STEPS

# T frames, N frames of the clip, S side of the crop


def cut_frames(frames: NDArray[np.uint8], start: int, count: int, first_row: int = 0) -> NDArray[np.uint8]:
    """Frames start .. start + count - 1 from row `first_row` down.

    Args:
        frames: (N, S, S, 3).

    Returns:
        (3, T, S - first_row, S), contiguous.
    """
    window = frames[start : start + count, first_row:]
    t, height, width, _ = window.shape
    out = np.empty((3, t, height, width), np.uint8)
    # HWC to CHW; cv2 splits pixels five times faster than numpy transposes them. Whole frames lie end to end.
    parts = range(t) if first_row else [slice(None)]
    for part in parts:
        cv2.split(window[part].reshape(-1, width, 3), [plane[part].reshape(-1, width) for plane in out])
    return out


def cut_mels(mel: NDArray[np.float32], starts: Sequence[int], steps: int = MEL_STEPS) -> NDArray[np.float32]:
    """Windows of `steps` mel steps: (len(starts), 1, 80, steps) from a mel of (80, n)."""
    low = min(starts)
    span = np.asarray(mel[:, low : max(starts) + steps])
    out = np.empty((len(starts), 1, len(span), steps), np.float32)
    for k, start in enumerate(starts):
        out[k, 0] = span[:, start - low : start - low + steps]
    return out
