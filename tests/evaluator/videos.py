"""Measured videos made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from talkingface.evaluator.metrics.base import ClipPair, MeasuredVideo

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
    return ClipPair(real=real, generated=generated, expert=expert)


def speech_curve(count: int, seed: int = 0) -> np.ndarray:
    """An opening curve that looks like speech: smooth, no period."""
    noise = np.random.default_rng(seed).standard_normal(count + 40)
    return 0.1 + 0.05 * np.convolve(noise, np.hanning(9), "same")[20 : 20 + count]
