"""One clip from its seed: what is said, how the speaker moves meanwhile, and the frames.

Speech and lips follow one schedule; head, eyes, brows and light sway slowly beside it.
"""

# F frames, S side of the square frame

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from talkingface.demo.config import DemoClip, DemoConfig
from talkingface.demo.expression import Expression
from talkingface.demo.head import Head, HeadPose
from talkingface.demo.identity import draw_identity
from talkingface.demo.speech import SpeechTracks, draw_speech
from talkingface.demo.voice import synthesize

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


@dataclass(frozen=True)
class ClipPlan:
    """What is said in a clip."""

    samples: NDArray[np.float32]
    """(seconds * sample_rate,) mono."""
    opening: NDArray[np.float64]
    """(F,) distance of the lips, 0 closed to about 1, at the middle of each frame."""
    width: NDArray[np.float64]
    """(F,) corners of the mouth, -1 rounded to 1 spread."""
    tracks: SpeechTracks


@lru_cache(maxsize=4)
def _head(identity: int, seed: int, size: int) -> Head:
    """A person ready to be drawn; kept, since a worker draws several clips of the same people."""
    return Head(draw_identity(identity, seed), size)


def plan_clip(config: DemoConfig, clip: DemoClip) -> ClipPlan:
    """Speech of a clip; another one for each identity, take and seed."""
    rng = np.random.default_rng([config.demo_seed, clip.identity, clip.take, 3])
    frames = int(config.demo_seconds * config.fps)
    tracks = draw_speech(rng, frames / config.fps)
    voice = draw_identity(clip.identity, config.demo_seed).voice
    samples = synthesize(tracks, voice, rng, sample_rate=config.sample_rate)
    opening, width = tracks.lips_at((np.arange(frames) + 0.5) / config.fps)
    return ClipPlan(samples, opening, width, tracks)


def draw_frames(config: DemoConfig, clip: DemoClip, plan: ClipPlan) -> Iterator[NDArray[np.uint8]]:
    """The clip's frames, (S, S, 3) BGR, one after the other."""
    rng = np.random.default_rng([config.demo_seed, clip.identity, clip.take, 4])
    head = _head(clip.identity, config.demo_seed, config.demo_size)
    motion = draw_motion(rng, plan.opening, plan.width, config.fps)
    for expression, pose, light in zip(motion.expressions, motion.poses, motion.lights, strict=True):
        yield head.frame(expression, pose, light=light, rng=rng)
