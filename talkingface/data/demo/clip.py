"""One clip from its seed: samples, frames, and the lips' schedule that both follow."""

# F frames, S side of the square frame

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from talkingface.data.demo.config import DemoClip, DemoConfig
from talkingface.data.demo.head import Head
from talkingface.data.demo.identity import draw_identity
from talkingface.data.demo.motion import draw_motion
from talkingface.data.demo.speech import SpeechTracks, draw_speech
from talkingface.data.demo.voice import synthesize


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
