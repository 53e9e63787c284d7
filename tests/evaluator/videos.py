"""Measured videos made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from talkingface.evaluator.clip_result import ClipResult, Scores
from talkingface.evaluator.measured_video import MeasuredVideo
from talkingface.evaluator.metrics.base import ClipPair, Metric
from talkingface.evaluator.metrics.networks import MetricNetworks
from talkingface.evaluator.scorer import Scorer

EYES = {33: (40.0, 40.0), 263: (80.0, 40.0)}


def measured(opening=None, *, crops=None, landmarks=None, fps=25.0, boxes=None, mel=None) -> MeasuredVideo:
    """A video whose parts that are not given are plain."""
    count = len(next(one for one in (opening, crops, landmarks, boxes) if one is not None))
    plain = np.zeros((count, 468, 2), np.float32)
    for point, place in EYES.items():
        plain[:, point] = place
    return MeasuredVideo(
        path=Path("hand.mp4"),
        fps=fps,
        boxes=np.tile(np.float32([20, 20, 148, 148]), (count, 1)) if boxes is None else boxes,
        landmarks=plain if landmarks is None else landmarks,
        crops=np.zeros((count, 128, 128, 3), np.uint8) if crops is None else crops,
        opening=np.zeros(count) if opening is None else np.asarray(opening, np.float64),
        mel=np.zeros((80, round(count / fps * 80) + 1), np.float32) if mel is None else mel,
        envelope=np.zeros(count, np.float32),
    )


def pair(real, generated, expert=None) -> ClipPair:
    return ClipPair(real=real, generated=generated, networks=MetricNetworks(expert=expert))


def scores(pair: ClipPair, metrics: list[Metric]) -> Scores:
    """What an evaluation takes of the generated video."""
    return Scorer(metrics=metrics, networks=pair.networks).scores(pair)


def speech_curve(count: int, seed: int = 0) -> np.ndarray:
    """An opening curve that looks like speech: smooth, no period."""
    noise = np.random.default_rng(seed).standard_normal(count + 40)
    return 0.1 + 0.05 * np.convolve(noise, np.hanning(9), "same")[20 : 20 + count]


def clip_result(name, real, made, *, seen=True, **model) -> ClipResult:
    """A clip's result with these openings of the mouth, and their r and amplitude."""
    own = {"opening_r": float(np.corrcoef(real, made)[0, 1]), "opening_amplitude": np.std(made) / np.std(real)}
    return ClipResult(
        name=name, speaker_seen=seen, fps=25, frames=len(real), model={**own, **model},
        real={"psnr": float("inf"), "opening_r": 1.0}, opening_real=list(real), opening_model=list(made),
        envelope=[0.1] * len(real),
    )  # fmt: skip
