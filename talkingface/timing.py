"""Which mel steps belong to which video frames: arithmetic only, no data.

The mel has 80 steps a second. A face is drawn from a window of 16 of them (0.2 s) that begins one frame of 25 fps
before it, so that the frame lies inside the sound that it shows; a sync expert hears a window that begins with its
frames. Frames are counted from 0, at any rate.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from talkingface.config.generating import MelTiming
from talkingface.utils.media.mel import MEL_STEPS, MELS_PER_SECOND

TRAINING_FPS = 25


def mel_start(frame: int, fps: float = 25) -> int:
    """First mel step of the window that starts with video frame `frame`: what a sync expert hears."""
    return int(MELS_PER_SECOND * frame / fps)


def window_steps(num_frames: int, fps: float = 25) -> int:
    """Mel steps that a sync expert hears with `num_frames` frames: their time, and never less than 16."""
    return max(MEL_STEPS, math.ceil(MELS_PER_SECOND * num_frames / fps - 1e-9))


def face_mel_starts(frames: Iterable[int], fps: float = 25, *, steps: int, timing: MelTiming = "training") -> list[int]:
    """First mel steps of the windows that the faces of `frames` are drawn from, in training and dubbing alike.

    Windows that would begin before the sound, as that of frame 0, begin with it; those that would run past its end
    are its last 16 steps.

    Args:
        frames: numbers of video frames, each counted at `fps`.
        fps: frames a second.
        steps: length of the mel, 16 at least.
        timing: see `MelTiming`.
    """
    starts = _face_starts(list(frames), fps, timing)
    return [int(start) for start in np.clip(starts, 0, max(steps - MEL_STEPS, 0))]


def _face_starts(frames: ArrayLike, fps: float, timing: MelTiming = "training") -> NDArray[np.int64]:
    lead = fps / TRAINING_FPS if timing == "training" else 0.0
    return np.floor(MELS_PER_SECOND * (np.asarray(frames, np.float64) - lead) / fps).astype(np.int64)


def run_starts(present: NDArray[np.bool_], num_frames: int) -> NDArray[np.int64]:
    """Frames from which `num_frames` consecutive frames are present, ascending."""
    if len(present) < num_frames:
        return np.zeros(0, np.int64)
    total = np.concatenate([[0], np.cumsum(present)])
    return np.flatnonzero(total[num_frames:] - total[:-num_frames] == num_frames)


def valid_starts(
    present: NDArray[np.bool_], mel_steps: int, num_frames: int, fps: float = 25, *, sound_shift: int = 0
) -> NDArray[np.int64]:
    """Frames at which a training window may start, ascending.

    All its frames are present, there is a frame's time of sound before it, and neither the window's mel nor that of
    any of its frames runs past the end. The sound of frame k lies at frame k + `sound_shift`.
    """
    starts = run_starts(present, num_frames)
    heard = starts + sound_shift
    ends = (MELS_PER_SECOND * heard / fps).astype(np.int64) + window_steps(num_frames, fps)
    last = _face_starts(heard + num_frames - 1, fps) + MEL_STEPS
    return starts[(heard >= 1) & (np.maximum(ends, last) <= mel_steps)]
