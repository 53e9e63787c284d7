"""Which mel steps belong to which video frames: arithmetic only, no data.

The mel has 80 steps a second; the window of one frame, and of five, is 16 of them (0.2 s). Frames are counted from 0.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from talkingface.utils.media.mel import MEL_STEPS, MELS_PER_SECOND


def mel_start(frame: int, fps: float = 25) -> int:
    """First mel step of the window that starts with video frame `frame`: what a sync expert hears."""
    return int(MELS_PER_SECOND * frame / fps)


def window_steps(num_frames: int, fps: float = 25) -> int:
    """Mel steps that a sync expert hears with `num_frames` frames: their time, and never less than 16."""
    return max(MEL_STEPS, math.ceil(MELS_PER_SECOND * num_frames / fps - 1e-9))


def indiv_starts(frame: int, num_frames: int = 5, fps: float = 25) -> list[int]:
    """First mel steps of the per-frame windows of frames `frame` .. `frame + num_frames - 1`.

    Each begins one frame before its own, so that the frame lies inside the sound that it shows; hence `frame >= 1`.

    Raises:
        ValueError: `frame` is 0, before which there is no sound.
    """
    if frame < 1:
        raise ValueError(
            f"frame: per-frame mel windows begin one frame earlier, so frame must be 1 or more, got {frame}"
        )
    return [mel_start(j - 1, fps) for j in range(frame, frame + num_frames)]


def inference_starts(mel_steps: int, fps: float = 25) -> list[int]:
    """First mel steps of consecutive frames at `fps` until the mel ends, as the published inference cuts them.

    Frame k starts at int(k * 80 / fps) (the ratio first, as published: at other rates the rounding differs); the
    last window is the last 16 steps. Training windows start one frame earlier.

    Args:
        mel_steps: length of the mel, at least 16.
    """
    ratio = MELS_PER_SECOND / fps
    starts = []
    frame = 0
    while (start := int(frame * ratio)) + MEL_STEPS <= mel_steps:
        starts.append(start)
        frame += 1
    return [*starts, mel_steps - MEL_STEPS]


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
    last = (MELS_PER_SECOND * (heard + max(num_frames - 2, 0)) / fps).astype(np.int64) + MEL_STEPS
    return starts[(heard >= 1) & (np.maximum(ends, last) <= mel_steps)]
