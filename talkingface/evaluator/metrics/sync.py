"""Lip sync by the sync expert, with LSE's procedure (Chung and Zisserman 2016) on the expert's own embeddings.

Windows of the expert's length (five frames as published) at 25 fps; lower half of the face crop, BGR in [0, 1],
against the mel of the same time. Face windows are taken every fifth frame, so that each frame is in one of them (closer
in clips of under five seconds, where there would be fewer than 25); sound windows at every frame. For each shift of
-15..15 frames the distance of every face window to the sound `shift` frames later is averaged over the face windows
for which that sound exists (nothing is padded).

Distance is L2 of the unit embeddings, so 0..sqrt(2). Confidence is median - minimum over the shifts; offset is minus
the best shift: positive where the lips come after the sound. These numbers are of our expert's scale: compare them with
the real videos', never with published LSE-C or LSE-D.
"""

# B batch, V face windows, W sound windows, T frames, M mel bins (80), S mel steps, E embedding values

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pairwise_distance

from talkingface.evaluator.metrics.base import ClipPair, Direction, Metric
from talkingface.evaluator.metrics.networks import MetricNetworks, SyncExpert
from talkingface.timing import mel_start, window_steps
from talkingface.utils.media.mel import MELS_PER_SECOND

FPS = 25
MAX_SHIFT = 15
MOST_STEP = 5
USUAL_WINDOWS = 25
FEWEST_WINDOWS = 5
BATCH = 32


class SyncVideo(Protocol):
    """What is needed of a video: its face crops and its sound."""

    @property
    def fps(self) -> float: ...

    @property
    def crops(self) -> np.ndarray:
        """uint8 (N, S, S, 3) BGR."""

    @property
    def present(self) -> np.ndarray:
        """bool (N,): frames with a face."""

    @property
    def mel(self) -> np.ndarray:
        """float32 (M, n)."""


def frames_at_25(video: SyncVideo) -> np.ndarray:
    """Return the index of the video's nearest frame for each frame of 25 fps."""
    count = int(len(video.crops) / video.fps * FPS + 1e-6)
    nearest = np.round(np.arange(count) / FPS * video.fps).astype(np.int64)
    return np.asarray(np.minimum(nearest, len(video.crops) - 1))


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """What the expert makes of a video."""

    audio: Tensor
    """(W, E): sound windows at frames 0, 1, ... of 25 fps."""
    face: Tensor
    """(V, E): face windows."""
    face_at: np.ndarray
    """(V,) first frame of each face window; those in which a face is missing are left out."""


@torch.inference_mode()
def embed(video: SyncVideo, expert: SyncExpert, device: torch.device) -> Embedded:
    """Return the embeddings of a video's sound and faces."""
    index, length = frames_at_25(video), expert.num_frames
    mel_steps = window_steps(length, FPS)
    windows = min(len(index) - length + 1, _last_mel_window(video.mel.shape[1], mel_steps) + 1)
    step = min(max(windows // USUAL_WINDOWS, 1), MOST_STEP)
    present = video.present[index]
    face_at = np.array([i for i in range(0, max(windows, 0), step) if present[i : i + length].all()], np.int64)
    if not len(face_at):
        return Embedded(audio=torch.zeros(0, 1), face=torch.zeros(0, 1), face_at=face_at)
    audio, face = [], []
    for first in range(0, windows, BATCH):
        starts = [mel_start(i, FPS) for i in range(first, min(first + BATCH, windows))]
        mels = np.stack([video.mel[:, start : start + mel_steps] for start in starts])[:, None]
        audio.append(expert.embed_audio(torch.from_numpy(mels).to(device)).float().cpu())
    for first in range(0, len(face_at), BATCH):
        crops = np.stack([video.crops[index[i : i + length]] for i in face_at[first : first + BATCH]])
        # (B, T, H, W, 3) to (B, 3, T, H, W)
        frames = torch.from_numpy(crops).to(device).permute(0, 4, 1, 2, 3).float().div_(255)
        face.append(expert.embed_face(expert.window(frames)).float().cpu())
    return Embedded(audio=torch.cat(audio), face=torch.cat(face), face_at=face_at)


def _last_mel_window(length: int, steps: int) -> int:
    """Last window whose mel steps all exist, -1 for none."""
    return (length - steps) * FPS // MELS_PER_SECOND if length >= steps else -1


def shift_distances(seen: Embedded, max_shift: int = MAX_SHIFT) -> np.ndarray:
    """Return (2 max_shift + 1,) mean distance of a face window to the sound `shift` frames later; NaN without such.

    The distance is torch's `pairwise_distance`, which adds 1e-6 to each difference, as published LSE does.
    """
    out = np.full(2 * max_shift + 1, np.nan)
    for shift in range(-max_shift, max_shift + 1):
        at = seen.face_at + shift
        there = (at >= 0) & (at < len(seen.audio))
        if there.any():
            faces, sounds = seen.face[torch.from_numpy(there)], seen.audio[torch.from_numpy(at[there])]
            out[shift + max_shift] = float(pairwise_distance(faces, sounds).mean())
    return out


def sync_scores(video: SyncVideo, expert: SyncExpert | None, device: torch.device) -> dict[str, float]:
    """Return confidence, offset (frames of 25 fps) and distance; NaN for clips of fewer than five face windows."""
    nothing = {"confidence": float("nan"), "offset": float("nan"), "distance": float("nan")}
    if expert is None:
        return nothing
    seen = embed(video, expert, device)
    if len(seen.face) < FEWEST_WINDOWS:
        return nothing
    means = shift_distances(seen)
    best = int(np.nanargmin(means))
    return {
        "confidence": float(np.nanmedian(means) - means[best]),
        "offset": float(MAX_SHIFT - best),
        "distance": float(means[best]),
    }


class _Sync(Metric):
    metric_type: ClassVar[str] = "sync"

    def not_measured(self, networks: MetricNetworks) -> str | None:
        """An expert is needed."""
        return "no sync expert was given" if networks.expert is None else None

    def scores(self, pair: ClipPair) -> dict[str, float]:
        """Return the generated video's scores; worked out once for all three metrics."""
        networks = pair.networks
        return pair.once("sync", lambda: sync_scores(pair.generated, networks.expert, networks.device))


class SyncConfidence(_Sync):
    """Median minus minimum over shifts of the mean distance: how much better the best shift is than a usual one."""

    name, title, unit = "sync_confidence", "sync conf.", ""

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return a distance."""
        return self.scores(pair)["confidence"]


class SyncDistance(_Sync):
    """Mean distance at the best shift."""

    name, title, unit = "sync_distance", "sync dist.", ""
    smaller: ClassVar[bool] = True
    best: ClassVar[Direction] = "lower"

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return a distance."""
        return self.scores(pair)["distance"]


class SyncOffset(_Sync):
    """Frames of 25 fps by which the lips come after the sound, by the best shift."""

    name, title, unit = "sync_offset", "offset", "frames"
    best: ClassVar[Direction] = "zero"
    digits: ClassVar[int] = 1

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return frames; positive is late."""
        return self.scores(pair)["offset"]
