"""The mouth's landmarks: how far they are from the real video's (LMD, Chen et al. 2018), and how much they tremble.

Trembling is the second difference in time, which is small in the smooth motion of speech.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from talkingface.evaluator.metrics.base import ClipPair, Direction, Metric
from talkingface.utils.face.landmarks import LEFT_EYE_OUTER, RIGHT_EYE_OUTER, mouth_points


def mouth_distances(pair: ClipPair) -> np.ndarray:
    """Return (frames,) mean distance of the mouth's points in frame pixels; NaN where a face is missing."""
    count = pair.frames
    made = np.stack([mouth_points(one) for one in pair.generated.landmarks[:count]])
    real = np.stack([mouth_points(one) for one in pair.real.landmarks[:count]])
    return np.asarray(np.linalg.norm(made - real, axis=2).mean(axis=1))


def _nanmean(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else float("nan")


class LMD(Metric):
    """Mean distance of the mouth's mesh points in pixels of the crop (its side is in the report's protocol).

    Frame pixels are scaled by the crop's side over the geometric mean of the box's sides. Points are not centred or
    turned: both videos show the same head.
    """

    name, title, unit, metric_type = "lmd", "LMD", "px", "landmark"
    smaller: ClassVar[bool] = True
    best: ClassVar[Direction] = "lower"
    perfect, digits = 0.0, 2

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return pixels of the crop."""
        boxes = pair.real.boxes[: pair.frames]
        side = np.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
        return _nanmean(mouth_distances(pair) * pair.real.crops.shape[1] / side)


class LMDNormalised(Metric):
    """Mean distance of the mouth's mesh points over that of the real frame's outer eye corners, in percent."""

    name, title, unit, metric_type = "lmd_interocular", "LMD/eyes", "%", "landmark"
    smaller: ClassVar[bool] = True
    best: ClassVar[Direction] = "lower"
    perfect, digits = 0.0, 2

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return percent."""
        points = pair.real.landmarks[: pair.frames]
        eyes = np.linalg.norm(points[:, LEFT_EYE_OUTER] - points[:, RIGHT_EYE_OUTER], axis=1)
        return _nanmean(100 * mouth_distances(pair) / eyes)


def jitter(landmarks: np.ndarray) -> float:
    """Mean length of the mouth points' second difference over three frames, in percent of the eyes' distance.

    Args:
        landmarks: (N, 468, 2) pixels; NaN for no face. Only frames whose two neighbours have a face count.

    Returns:
        Percent; NaN where there are no three frames in a row.
    """
    points = np.stack([mouth_points(one) for one in landmarks]).astype(np.float64)
    eyes = np.linalg.norm(landmarks[:, LEFT_EYE_OUTER] - landmarks[:, RIGHT_EYE_OUTER], axis=1)
    second = points[2:] - 2 * points[1:-1] + points[:-2]
    return _nanmean(100 * np.linalg.norm(second, axis=2).mean(axis=1) / eyes[1:-1])


class Jitter(Metric):
    """Mean second difference in time of the mouth's mesh points over the eyes' distance, in percent a frame squared.

    It holds the speech's own changes and the landmark detector's noise too: read it beside the real row.
    """

    name, title, unit, metric_type = "jitter", "jitter", "%", "landmark"
    smaller: ClassVar[bool] = True
    best: ClassVar[Direction] = "lower"

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return percent."""
        return jitter(pair.generated.landmarks)


class JitterRatio(Metric):
    """The generated mouth's second difference in time over the real one's: over 1 trembles, under 1 is too smooth."""

    name, title, unit, metric_type = "jitter_ratio", "jitter ratio", "ratio", "landmark"
    best: ClassVar[Direction] = "one"
    perfect = 1.0

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return a ratio."""
        count = pair.frames
        real = jitter(pair.real.landmarks[:count])
        return jitter(pair.generated.landmarks[:count]) / real if real > 0 else float("nan")
