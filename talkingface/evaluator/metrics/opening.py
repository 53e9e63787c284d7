"""Does the mouth open when it should, and as far: the opening curve of the generated video against the real one's.

Opening is the distance of the inner lips over that of the eyes' outer corners, by the face mesh on the written files.
Leakage is how far a mouth that is dubbed with silence still moves, as it can only where the source shines through.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from talkingface.evaluator.metrics.base import ClipPair, Direction, Metric

MAX_LAG = 15
"""Largest shift looked at, frames of the video."""
FEWEST = 8
"""Frames below which there is no value."""


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r over the entries where both are numbers; NaN for fewer than 8 or a constant curve."""
    good = np.isfinite(a) & np.isfinite(b)
    if good.sum() < FEWEST:
        return float("nan")
    x, y = a[good] - a[good].mean(), b[good] - b[good].mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale > 1e-12 else float("nan")


def best_lag(made: np.ndarray, real: np.ndarray, max_lag: int = MAX_LAG) -> int | None:
    """Return the frames by which `made` comes after `real`, where they correlate best; None where nothing does."""
    scores = {}
    for lag in sorted(range(-max_lag, max_lag + 1), key=abs):
        late, early = (made[lag:], real[: len(real) - lag]) if lag >= 0 else (made[:lag], real[-lag:])
        count = min(len(late), len(early))
        score = pearson(late[:count], early[:count])
        if np.isfinite(score):
            scores[lag] = score
    return max(scores, key=lambda lag: scores[lag]) if scores else None


def resample(curve: np.ndarray, fps: float, times: np.ndarray) -> np.ndarray:
    """Return the curve at `times` (seconds) by linear interpolation; NaN outside it and beside missing frames."""
    own = np.arange(len(curve)) / fps
    return np.asarray(np.interp(times, own, curve, left=np.nan, right=np.nan))


def spread_ratio(a: np.ndarray, b: np.ndarray) -> float:
    """Standard deviation of `a` over that of `b`, over the entries where both are numbers.

    Returns:
        0 where `a` stands still, 1 where it moves as far as `b`; NaN for fewer than 8 entries or a constant `b`.
    """
    good = np.isfinite(a) & np.isfinite(b)
    if good.sum() < FEWEST or b[good].std() < 1e-9:
        return float("nan")
    return float(a[good].std() / b[good].std())


class OpeningCorrelation(Metric):
    """Pearson's r of the two opening curves over the clip's frames."""

    name, title, unit, metric_type = "opening_r", "opening r", "", "opening"
    perfect = 1.0

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return r."""
        count = pair.frames
        return pearson(pair.generated.opening[:count], pair.real.opening[:count])


class OpeningAmplitude(Metric):
    """Standard deviation of the generated opening over that of the real one: under 1 mumbles, over 1 overacts."""

    name, title, unit, metric_type = "opening_amplitude", "amplitude", "ratio", "opening"
    best: ClassVar[Direction] = "one"
    perfect = 1.0

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return a ratio."""
        count = pair.frames
        return spread_ratio(pair.generated.opening[:count], pair.real.opening[:count])


class OpeningLag(Metric):
    """Frames by which the generated opening comes after the real one, where the two correlate best (within 15)."""

    name, title, unit, metric_type = "opening_lag", "lag", "frames", "opening"
    best: ClassVar[Direction] = "zero"
    perfect, digits = 0.0, 1

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return frames; positive is late."""
        count = pair.frames
        lag = best_lag(pair.generated.opening[:count], pair.real.opening[:count])
        return float("nan") if lag is None else float(lag)


class Leakage(Metric):
    """Standard deviation of the mouth opening of a clip dubbed with silence over that of the clip itself.

    Of a protocol of its own: `real` is the source and `generated` the clip dubbed with silence. 0 is a still mouth.
    """

    name, title, unit, metric_type = "leakage", "leakage", "ratio", "leakage"
    smaller: ClassVar[bool] = True
    best: ClassVar[Direction] = "lower"

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return a ratio."""
        count = pair.frames
        return spread_ratio(pair.generated.opening[:count], pair.real.opening[:count])
