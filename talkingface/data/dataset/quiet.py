"""Find the windows of a clip in which nobody speaks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkingface.data.dataset.windows import mel_start, window_steps

QUIET = 0.2
"""A mel step is quiet below this share of the way from the clip's quietest to its loudest."""
FEWEST_LEVELS = 0.5
"""Mel units (of 8) between quietest and loudest that a clip must have for its quiet steps to mean anything."""


def quiet_starts(
    mel: NDArray[np.float32], starts: NDArray[np.int64], num_frames: int, fps: float = 25, *, sound_shift: int = 0
) -> NDArray[np.int64]:
    """Those of `starts` whose window hears nothing but quiet, from a frame before it to its end.

    Args:
        mel: (80, n) of the clip.
        starts: first frames of windows.
        num_frames: frames in a window.
        fps: frames a second.
        sound_shift: the sound of frame k lies at frame k + `sound_shift`.
    """
    level = mel.mean(axis=0)
    low, high = np.percentile(level, (2, 95))
    if high - low < FEWEST_LEVELS:
        return starts[:0]
    loud = np.concatenate([[0], np.cumsum(level > low + QUIET * (high - low))])
    begins = np.array([mel_start(start + sound_shift - 1, fps) for start in starts], np.int64)
    ends = np.minimum(begins + window_steps(num_frames + 1, fps), mel.shape[1])
    return starts[loud[ends] == loud[begins]]
