"""How far a row's numbers would move had other clips been taken: percentile bootstrap over clips."""

# R resamples, N clips of a row, K values of a clip

from __future__ import annotations

from collections.abc import Callable

import numpy as np

LEVEL = 0.95
RESAMPLES = 2000
FEWEST = 3
"""Clips below which there is no interval: two clips can only be drawn in four ways."""
Interval = tuple[float, float]


def interval(values: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], *, seed: int = 0) -> Interval | None:
    """Return the 95% percentile interval of a statistic of clips (Efron and Tibshirani 1993, chapter 13).

    Args:
        values: float64 (N,) or (N, K), a line a clip; clips with a NaN are left out.
        statistic: (R, N) or (R, N, K) to (R,), taken over axis 1.
        seed: of the resamples; the same clips give the same interval.

    Returns:
        Low and high end; None for fewer than three clips, or where a value is infinite.
    """
    kept = values[~np.isnan(values).any(axis=tuple(range(1, values.ndim)))]
    if len(kept) < FEWEST or not np.isfinite(kept).all():
        return None
    drawn = np.random.default_rng(seed).integers(len(kept), size=(RESAMPLES, len(kept)))
    found = statistic(kept[drawn])
    found = found[np.isfinite(found)]
    if len(found) < RESAMPLES / 2:  # the statistic has no value for most resamples
        return None
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(found, (tail, 1 - tail))
    return float(low), float(high)


def mean(drawn: np.ndarray) -> np.ndarray:
    """(R, N) to (R,)."""
    return np.asarray(drawn.mean(axis=1))


def median(drawn: np.ndarray) -> np.ndarray:
    """(R, N) to (R,)."""
    return np.asarray(np.median(drawn, axis=1))
