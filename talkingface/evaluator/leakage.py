"""Leakage: how much a mouth that is dubbed with silence still moves, as it can only where the source shines through."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from talkingface.evaluator.base import ClipPair, Direction, Metric
from talkingface.evaluator.opening import FEWEST


def leakage(silent: np.ndarray, source: np.ndarray) -> float:
    """Standard deviation of the opening dubbed with silence over that of the source, over the same frames.

    Args:
        silent: (N,) opening of the video dubbed with silence; NaN for no face.
        source: (M,) opening of the video that was dubbed.

    Returns:
        0 for a still mouth, about 1 for one that moves as the source does; NaN for fewer than 8 common frames or a
        source that does not move.
    """
    count = min(len(silent), len(source))
    a, b = silent[:count], source[:count]
    good = np.isfinite(a) & np.isfinite(b)
    if good.sum() < FEWEST or b[good].std() < 1e-9:
        return float("nan")
    return float(a[good].std() / b[good].std())


class Leakage(Metric):
    """Standard deviation of the mouth opening of a clip dubbed with silence over that of the clip itself.

    `real` is the source and `generated` the clip dubbed with silence: the pair of a protocol of its own.
    """

    name, title, unit, metric_type = "leakage", "leakage", "ratio", "leakage"
    smaller: ClassVar[bool] = True
    best: ClassVar[Direction] = "lower"

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return a ratio."""
        return leakage(pair.generated.opening, pair.real.opening)
