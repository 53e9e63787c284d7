"""The parts of a crop that are compared, and means over a clip's frames. The background is in neither part."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from talkingface.evaluator.base import ClipPair

SPARSE = 5
"""Costly metrics take every fifth frame in which both videos have a face."""


def whole(crop: np.ndarray) -> np.ndarray:
    """The face: all of the crop."""
    return crop


def mouth_region(crop: np.ndarray) -> np.ndarray:
    """Lower half and middle half of the width of a crop: the mouth."""
    side = crop.shape[0]
    return crop[side // 2 :, side // 4 : side - side // 4]


REGIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"face": whole, "mouth": mouth_region}
"""By the name that a metric states."""


def frames_of(pair: ClipPair, step: int = 1) -> np.ndarray:
    """Numbers of every `step`-th of the frames in which both videos have a face."""
    return np.asarray(np.flatnonzero(pair.both)[::step])


def mean_compared(
    pair: ClipPair, function: Callable[[np.ndarray, np.ndarray], float], region: str, step: int = 1
) -> float:
    """Mean of a function of generated and real crop, in that order; NaN where there is no frame."""
    cut = REGIONS[region]
    crops = [(cut(pair.generated.crops[i]), cut(pair.real.crops[i])) for i in frames_of(pair, step)]
    return float(np.mean([function(made, real) for made, real in crops])) if crops else float("nan")


def mean_alone(pair: ClipPair, function: Callable[[np.ndarray], float], region: str, step: int = 1) -> float:
    """Mean of a function of the generated crop alone; NaN where no frame has a value."""
    cut = REGIONS[region]
    values = np.array([function(cut(pair.generated.crops[i])) for i in frames_of(pair, step)])
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else float("nan")
