"""Lip sync by the sync expert, with LSE's procedure (Chung and Zisserman 2016) on the expert's own embeddings.

Windows of five frames at 25 fps; lower half of the face crop, BGR in [0, 1], against 16 mel steps. For each shift of
-15..15 frames the distance of every face window to the sound `shift` windows later is averaged over the windows for
which that sound exists (nothing is padded). Distance is L2 of the unit embeddings, so 0..sqrt(2). Confidence is
median - minimum over the shifts; offset is minus the best shift: positive where the lips come after the sound.
These numbers are of our expert's scale: compare them with the real video's, never with published LSE-C or LSE-D.
"""

# B batch, W windows, T frames (5), M mel bins (80), S mel steps (16), E embedding values

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor

from talkingface.evaluator.base import ClipPair, Direction, MeasuredVideo, Metric

FPS = 25
NUM_FRAMES = 5
MEL_STEPS = 16
MELS_PER_SECOND = 80
MAX_SHIFT = 15
FEWEST_WINDOWS = 10
BATCH = 64


class Expert(Protocol):
    """What is needed of a sync expert."""

    def __call__(self, mel: Tensor, face: Tensor) -> tuple[Tensor, Tensor]:
        """Mel (B, 1, M, S) and `window`'s result to audio and face embeddings (B, E) of unit length."""

    def window(self, frames: Tensor) -> Tensor:
        """Whole faces (B, 3, T, H, W) in [0, 1], BGR, to what the face tower reads."""


def frames_at_25(video: MeasuredVideo) -> np.ndarray:
    """Return the index of the video's nearest frame for each frame of 25 fps."""
    count = int(len(video.crops) / video.fps * FPS + 1e-6)
    nearest = np.round(np.arange(count) / FPS * video.fps).astype(np.int64)
    return np.asarray(np.minimum(nearest, len(video.crops) - 1))


@torch.inference_mode()
def embed(video: MeasuredVideo, expert: Expert, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return audio (W, E) and face (W, E) embeddings and bool (W,): a face was found in all five frames."""
    index = frames_at_25(video)
    windows = min(len(index) - NUM_FRAMES + 1, _last_mel_window(video.mel.shape[1]) + 1)
    if windows < 1:
        return torch.zeros(0, 1), torch.zeros(0, 1), torch.zeros(0, dtype=torch.bool)
    audio, face = [], []
    for first in range(0, windows, BATCH):
        chosen = range(first, min(first + BATCH, windows))
        starts = [MELS_PER_SECOND * i // FPS for i in chosen]
        mels = np.stack([video.mel[:, start : start + MEL_STEPS] for start in starts])[:, None]
        crops = np.stack([video.crops[index[i : i + NUM_FRAMES]] for i in chosen])
        # (B, T, H, W, 3) to (B, 3, T, H, W)
        frames = torch.from_numpy(crops).to(device).permute(0, 4, 1, 2, 3).float().div_(255)
        one_audio, one_face = expert(torch.from_numpy(mels).to(device), expert.window(frames))
        audio.append(one_audio.float().cpu())
        face.append(one_face.float().cpu())
    present = video.present[index]
    whole = np.stack([present[i : i + NUM_FRAMES].all() for i in range(windows)])
    return torch.cat(audio), torch.cat(face), torch.from_numpy(whole)


def _last_mel_window(length: int) -> int:
    """Last window whose 16 mel steps all exist, -1 for none."""
    return (length - MEL_STEPS) * FPS // MELS_PER_SECOND if length >= MEL_STEPS else -1


def shift_distances(audio: Tensor, face: Tensor, good: Tensor, max_shift: int = MAX_SHIFT) -> np.ndarray:
    """Return (2 max_shift + 1,) mean distance of face window i to audio window i + shift; NaN without such windows."""
    distance = torch.cdist(face, audio).numpy()
    out = np.full(2 * max_shift + 1, np.nan)
    rows = np.arange(len(face))
    for shift in range(-max_shift, max_shift + 1):
        chosen = rows[(rows + shift >= 0) & (rows + shift < len(audio)) & good.numpy()]
        if len(chosen):
            out[shift + max_shift] = distance[chosen, chosen + shift].mean()
    return out


def sync_scores(video: MeasuredVideo, expert: Expert | None, device: torch.device) -> dict[str, float]:
    """Return confidence, offset (frames of 25 fps) and distance; NaN for clips of fewer than 10 windows."""
    nothing = {"confidence": float("nan"), "offset": float("nan"), "distance": float("nan")}
    if expert is None:
        return nothing
    audio, face, good = embed(video, expert, device)
    if int(good.sum()) < FEWEST_WINDOWS:
        return nothing
    means = shift_distances(audio, face, good)
    best = int(np.nanargmin(means))
    return {
        "confidence": float(np.nanmedian(means) - means[best]),
        "offset": float(MAX_SHIFT - best),
        "distance": float(means[best]),
    }


class _Sync(Metric):
    metric_type: ClassVar[str] = "sync"

    def not_measured(self, pair: ClipPair) -> str | None:
        """An expert is needed."""
        return "no sync expert was given" if pair.expert is None else None


class SyncConfidence(_Sync):
    """Median minus minimum over shifts of the mean distance: how much better the best shift is than a usual one."""

    name, title, unit = "sync_confidence", "sync conf.", ""

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return a distance."""
        return pair.sync["confidence"]


class SyncDistance(_Sync):
    """Mean distance at the best shift."""

    name, title, unit = "sync_distance", "sync dist.", ""
    smaller: ClassVar[bool] = True
    best: ClassVar[Direction] = "lower"

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return a distance."""
        return pair.sync["distance"]


class SyncOffset(_Sync):
    """Frames of 25 fps by which the lips come after the sound, by the best shift."""

    name, title, unit = "sync_offset", "offset", "frames"
    best: ClassVar[Direction] = "zero"
    digits: ClassVar[int] = 1

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return frames; positive is late."""
        return pair.sync["offset"]
