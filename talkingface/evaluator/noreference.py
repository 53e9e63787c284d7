"""Scores of the generated picture alone: how blurred it looks.

They were published as measures of blur, and answer to noise and to the edges of JPEG's blocks as well, in the other
direction: a generated picture is right where its score is that of the real one.
"""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np

from talkingface.evaluator.base import ClipPair, Direction, Metric, Region
from talkingface.evaluator.cpbd import cpbd
from talkingface.evaluator.regions import SPARSE, mean_alone


def blur_effect(image: np.ndarray) -> float:
    """Crete et al. 2007 on the grey uint8 image: 0 is sharp, 1 cannot be blurred further."""
    from skimage.measure import blur_effect as effect

    return float(effect(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), h_size=11))


class BlurEffect(Metric):
    """Blur effect (Crete et al. 2007; scikit-image, size 11) of the face crop, mean over every fifth frame."""

    name, title, unit, metric_type = "blur_effect", "blur", "", "no_reference"
    best: ClassVar[Direction] = "real"
    region: ClassVar[Region] = "face"

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return a share, 0 for sharp."""
        return mean_alone(pair, blur_effect, self.region, SPARSE)


class CPBD(Metric):
    """Cumulative probability of blur detection (Narvekar and Karam 2011) of the face crop, mean over every fifth
    frame."""

    name, title, unit, metric_type = "cpbd", "CPBD", "", "no_reference"
    best: ClassVar[Direction] = "real"
    region: ClassVar[Region] = "face"

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return the share of edges that are not blurred."""
        return mean_alone(pair, cpbd, self.region, SPARSE)


class CPBDMouth(CPBD):
    """Cumulative probability of blur detection of the mouth: lower half, middle half of the width, every fifth
    frame."""

    name, title = "cpbd_mouth", "CPBD mouth"
    region: ClassVar[Region] = "mouth"
