"""LSE-D, LSE-C and offset by the published sync network, as published and without the bias of its padding.

The file is decoded a second time at 25 fps, so that the crops need not be kept: memory does not grow with length.

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
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from talkingface.evaluator.measured_video import MeasuredVideo
from talkingface.evaluator.metrics.base import ClipPair, Direction, Metric
from talkingface.evaluator.metrics.lse_input import (
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    STEPS_PER_FRAME,
    longest_track,
    mesh_boxes,
    mfcc,
    tight_crops,
    to_pcm,
    track_crops,
)
from talkingface.evaluator.metrics.lse_network import FRAMES, STEPS, SYNCNET_V2, SyncNetV2, load_syncnet
from talkingface.evaluator.metrics.networks import MetricNetworks
from talkingface.evaluator.metrics.sync import FEWEST_WINDOWS, FPS, MAX_SHIFT, Embedded, frames_at_25, shift_distances
from talkingface.utils.media.audio import read_audio
from talkingface.utils.media.video import read_frames
from talkingface.utils.weights import WeightsFile

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


def lse_of(video: MeasuredVideo, networks: MetricNetworks) -> Lse:
    """Score one file by the protocol that the user chose; NaN where no track can be scored, or there is no sound."""
    if not video.mel.shape[1]:
        return Lse()
    network = networks.network(load_syncnet, SYNCNET_V2)
    pcm = to_pcm(read_audio(video.path, SAMPLE_RATE))
    frames = read_frames(video.path, FPS)
    if networks.lse_protocol == "tight":
        return lse(tight_crops(frames), pcm, network, networks.device)
    track = longest_track(mesh_boxes(video.landmarks[frames_at_25(video)]))
    if track is None:
        return Lse()
    return lse(track_crops(frames, track), pcm[track.first * SAMPLES_PER_FRAME :], network, networks.device)


class _Lse(Metric):
    metric_type: ClassVar[str] = "sync"
    needs: ClassVar[tuple[WeightsFile, ...]] = (SYNCNET_V2,)
    unbiased: ClassVar[bool] = False

    def score(self, pair: ClipPair) -> LseScore:
        """Return the clip's score of this kind; worked out once for all six metrics."""
        both = pair.once("lse", lambda: lse_of(pair.generated, pair.networks))
        return both.unbiased if self.unbiased else both.published


class LseD(_Lse):
    """Smallest of the mean distances of lips and sound over shifts of up to 15 frames (Prajwal et al. 2020)."""

    name, title, unit = "lse_d", "LSE-D", ""
    smaller: ClassVar[bool] = True
    best: ClassVar[Direction] = "lower"

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return a distance."""
        return self.score(pair).distance


class LseC(_Lse):
    """Median minus minimum of the mean distances over the shifts."""

    name, title, unit = "lse_c", "LSE-C", ""

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return a distance."""
        return self.score(pair).confidence


class LseOffset(_Lse):
    """Frames of 25 fps by which the lips come after the sound, by the shift of the smallest mean distance."""

    name, title, unit = "lse_offset", "LSE offset", "frames"
    best: ClassVar[Direction] = "zero"
    digits: ClassVar[int] = 1

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return frames; positive is late."""
        return self.score(pair).offset


class LseDUnbiased(LseD):
    """LSE-D over windows for which the sound exists, without padding."""

    name, title, unbiased = "lse_d_unbiased", "LSE-D unb.", True


class LseCUnbiased(LseC):
    """LSE-C over windows for which the sound exists, without padding."""

    name, title, unbiased = "lse_c_unbiased", "LSE-C unb.", True


class LseOffsetUnbiased(LseOffset):
    """Offset over windows for which the sound exists, without padding."""

    name, title, unbiased = "lse_offset_unbiased", "LSE off. unb.", True
