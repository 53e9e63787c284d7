"""From frames and sound to LSE-D, LSE-C and offset.

The published score pads the sound's embeddings with zeros at both ends, so that every window of lips has all 31
shifts. A distance to zeros is the length of the lips' embedding: it says nothing about sync, and weighs on the outer
shifts of short clips (15 of 120 windows at the outermost shift of a clip of five seconds). That moves the median, so
LSE-C, and in principle the minimum too. The unbiased score averages only windows for which the sound exists; in long
clips both agree.
"""

# T frames, W windows, E embedding values (1024)

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from talkingface.evaluator.lse.network import FRAMES, STEPS, SyncNetV2
from talkingface.evaluator.lse.sound import SAMPLES_PER_FRAME, STEPS_PER_FRAME, mfcc
from talkingface.evaluator.sync import FEWEST_WINDOWS, MAX_SHIFT, Embedded, shift_distances

LIPS_BATCH = 8
SOUND_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class LseScore:
    """Scores of one clip."""

    distance: float
    """LSE-D: smallest of the shifts' mean distances; less is better."""
    confidence: float
    """LSE-C: median minus minimum of them; more is better."""
    offset: float
    """Frames of 25 fps: 15 minus the index of the smallest; positive where the lips come after the sound."""


NOT_SCORED = LseScore(distance=float("nan"), confidence=float("nan"), offset=float("nan"))


@torch.inference_mode()
def embed_lips(frames: Iterable[np.ndarray], network: SyncNetV2, device: torch.device) -> Tensor:
    """Embed every window of five frames; holds a dozen frames at a time.

    Args:
        frames: uint8 (224, 224, 3) BGR, 25 a second.
        network: In eval mode, on `device`.
        device: Where to work.

    Returns:
        (T - 4, E) float32 on the CPU; no row for fewer than five frames.
    """
    out = [torch.zeros(0, 1024)]
    held: list[np.ndarray] = []

    def flush() -> None:
        # (T, H, W, 3) to (3, T, H, W)
        run = torch.from_numpy(np.stack(held)).to(device).permute(3, 0, 1, 2).float()
        out.append(network.embed_lips(run).cpu())

    for frame in frames:
        held.append(frame)
        if len(held) == LIPS_BATCH + FRAMES - 1:
            flush()
            del held[:LIPS_BATCH]
    if len(held) >= FRAMES:
        flush()
    return torch.cat(out)


@torch.inference_mode()
def embed_sound(coefficients: np.ndarray, windows: int, network: SyncNetV2, device: torch.device) -> Tensor:
    """Embed the windows at frames 0, 1, ... of the coefficients (13, steps); (windows, E) float32 on the CPU."""
    steps = torch.from_numpy(coefficients).float()
    out = [torch.zeros(0, 1024)]
    for first in range(0, windows, SOUND_BATCH):
        starts = [STEPS_PER_FRAME * i for i in range(first, min(first + SOUND_BATCH, windows))]
        batch = torch.stack([steps[:, start : start + STEPS] for start in starts])[:, None]
        out.append(network.embed_audio(batch.to(device)).cpu())
    return torch.cat(out)


def mean_distances(lips: Tensor, sound: Tensor, *, unbiased: bool) -> np.ndarray:
    """(31,) mean distance of the windows' lips to the sound `shift` frames later, shifts -15..15.

    Args:
        lips: (W, E).
        sound: (W, E).
        unbiased: Leave out windows without sound rather than pad it with zeros.
    """
    first = np.arange(len(lips))
    if unbiased:
        return shift_distances(Embedded(audio=sound, face=lips, face_at=first))
    padded = torch.nn.functional.pad(sound, (0, 0, MAX_SHIFT, MAX_SHIFT))
    return shift_distances(Embedded(audio=padded, face=lips, face_at=first + MAX_SHIFT))


def score(means: np.ndarray) -> LseScore:
    """Scores of the shifts' mean distances; NaN for shifts that no window has."""
    best = int(np.nanargmin(means))
    return LseScore(
        distance=float(means[best]), confidence=float(np.nanmedian(means) - means[best]), offset=float(MAX_SHIFT - best)
    )


@dataclass(frozen=True, kw_only=True)
class Lse:
    """Both scores of one clip."""

    published: LseScore = NOT_SCORED
    unbiased: LseScore = NOT_SCORED


def lse(frames: Iterable[np.ndarray], pcm: np.ndarray, network: SyncNetV2, device: torch.device) -> Lse:
    """Score a clip of crops and its sound; NaN for fewer than five windows.

    Args:
        frames: uint8 (224, 224, 3) BGR, 25 a second, as long as they come.
        pcm: int16 at 16 kHz, beginning with the first frame.
        network: In eval mode, on `device`.
        device: Where to work.
    """
    lips = embed_lips(frames, network, device)
    # one window fewer than fit, as published
    windows = min(len(lips) + FRAMES - 1, len(pcm) // SAMPLES_PER_FRAME) - FRAMES
    if windows < FEWEST_WINDOWS:
        return Lse()
    sound = embed_sound(mfcc(pcm), windows, network, device)
    lips = lips[:windows]
    return Lse(
        published=score(mean_distances(lips, sound, unbiased=False)),
        unbiased=score(mean_distances(lips, sound, unbiased=True)),
    )
