"""How a speaker moves: slow sway of the head, blinks, brows, a little light."""

# F frames

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkingface.data.demo.expression import Expression
from talkingface.data.demo.head import HeadPose

_BLINK = (0.45, 1.0, 0.95, 0.4)
"""How far the eyes are closed in the frames of one blink."""


@dataclass(frozen=True)
class Motion:
    """One clip's movement, frame by frame."""

    expressions: list[Expression]
    poses: list[HeadPose]
    lights: list[float]


def _blinks(rng: np.random.Generator, frames: int, fps: int) -> NDArray[np.float64]:
    """(F,) 0 open to 1 closed, a blink every 1.2 to 3.2 s."""
    blink = np.zeros(frames + len(_BLINK))
    now = rng.uniform(0.3, 2.0)
    while now * fps < frames:
        at = int(now * fps)
        blink[at : at + len(_BLINK)] = _BLINK
        now += rng.uniform(1.2, 3.2)
    return blink[:frames]


def draw_motion(rng: np.random.Generator, opening: NDArray[np.float64], width: NDArray[np.float64], fps: int) -> Motion:
    """Random movement around the given lips, (F,) each."""
    from scipy.ndimage import gaussian_filter1d

    frames = len(opening)
    time = np.arange(frames) / fps
    phase = rng.uniform(0, 2 * np.pi, 9)
    speed = rng.uniform(0.8, 1.2, 9)

    def sway(index: int, rate: float) -> NDArray[np.float64]:
        return np.sin(rate * speed[index] * time + phase[index])

    nod = gaussian_filter1d(opening, 0.12 * fps)
    roll = 2.2 * sway(0, 0.9) + 0.8 * sway(1, 2.3)
    scale = 1 + 0.015 * sway(2, 0.7)
    x = 0.018 * sway(3, 0.6)
    y = 0.008 * sway(4, 1.1) + 0.004 * nod
    yaw = 0.10 * sway(5, 0.8) + 0.03 * sway(6, 1.9)
    pitch = 0.05 * sway(7, 1.3) + 0.02 * nod
    brow = np.clip(sway(8, 0.8), 0, 1) * 0.8
    light = 1 + 0.02 * sway(2, 0.5)
    blink = _blinks(rng, frames, fps)
    values = np.stack([opening, width, blink, brow, yaw, pitch], axis=1)
    return Motion(
        expressions=[Expression(*row) for row in values.tolist()],
        poses=[HeadPose(*row) for row in np.stack([roll, scale, x, y], axis=1).tolist()],
        lights=light.tolist(),
    )
