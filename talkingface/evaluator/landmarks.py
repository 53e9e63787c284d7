"""Landmark distance (LMD, Chen et al. 2018): how far the mouth's points are from where they are in the real video."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from talkingface.evaluator.base import ClipPair, Direction, Metric
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
