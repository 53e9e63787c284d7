"""What a metric is, and what it is given.

The parts of a crop that are compared, and means over a clip's frames. The background is in neither part.
"""

# S side of the square crops

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np

from talkingface.evaluator.measured_video import MeasuredVideo
from talkingface.evaluator.metrics.networks import MetricNetworks
from talkingface.utils.weights import WeightsFile

Direction = Literal["higher", "lower", "one", "zero", "real"]
"""What is better: more, less, nearest to 1, nearest to 0, nearest to the real video's own value."""
Region = Literal["", "face", "mouth"]
Found = TypeVar("Found")


@dataclass(kw_only=True)
class ClipPair:
    """A generated video, the real one that it is compared with, and the networks to look through."""

    real: MeasuredVideo
    generated: MeasuredVideo
    networks: MetricNetworks = field(default_factory=MetricNetworks)
    _known: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def frames(self) -> int:
        """Frames that both videos have."""
        return min(len(self.real.boxes), len(self.generated.boxes))

    @cached_property
    def both(self) -> np.ndarray:
        """bool (frames,): a face was found in the real and in the generated frame."""
        count = self.frames
        return self.real.present[:count] & self.generated.present[:count]

    def once(self, key: str, function: Callable[[], Found]) -> Found:
        """Return what the function gives, called once for all metrics that ask by this key."""
        if key not in self._known:
            self._known[key] = function()
        found: Found = self._known[key]
        return found


class Metric(ABC):
    """One number about a generated clip. The docstring of each metric is its protocol."""

    name: ClassVar[str]
    """Key in reports."""
    title: ClassVar[str]
    """Column heading."""
    unit: ClassVar[str]
    metric_type: ClassVar[str]
    """Family: image, no_reference, landmark, opening, identity, sync; leakage is of clips dubbed with silence only."""
    region: ClassVar[Region] = ""
    """Part of the crop that is compared, see REGIONS; empty where no crop is looked at."""
    smaller: ClassVar[bool] = False
    """Whether smaller is better."""
    best: ClassVar[Direction] = "higher"
    """What is better."""
    perfect: ClassVar[float | None] = None
    """Value of a real video against itself; None where it has to be measured."""
    digits: ClassVar[int] = 3
    """Decimals in tables."""
    needs: ClassVar[tuple[WeightsFile, ...]] = ()
    """Files of pretrained weights that the user has to fetch."""

    def not_measured(self, networks: MetricNetworks) -> str | None:
        """Return why the metric cannot be taken, with the absent file and its place, or None."""
        return networks.missing(self.needs)

    @abstractmethod
    def calculate_metric(self, pair: ClipPair) -> float:
        """Return the value for one clip; NaN where no frame allows it."""


class SetMetric(Metric):
    """One number about a set of clips: each clip leaves a file, the number is taken of all files."""

    def calculate_metric(self, pair: ClipPair) -> float:
        """A single clip has no value."""
        return float("nan")

    @abstractmethod
    def save(self, pair: ClipPair, file: Path) -> None:
        """Write what the set's number needs of one clip."""

    @abstractmethod
    def of_set(self, files: Sequence[Path]) -> float:
        """Return the value for the clips of these files; NaN where they allow none."""


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
