"""Scores of the generated picture alone: how blurred it looks.

They were published as measures of blur. Noise and the edges of JPEG's blocks move them too, in the other direction: a
generated picture is right where its score is that of the real one.

CPBD (Narvekar and Karam 2011), the cumulative probability of blur detection, is written from the paper; edges are those
of a thinned Sobel filter. Each vertical edge's width is the way along its row over which the grey value keeps rising or
falling (Marziliano et al. 2002). In blocks of 64x64 pixels that hold edges, a width's probability of being seen as blur
is 1 - exp(-(width / just noticeable width)^3.6), the just noticeable width 5 pixels in blocks of a contrast up to 50
and 3 above. The score is the share of edges whose probability is at most 63%.
"""

# H/W pixels

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np

from talkingface.evaluator.metrics.base import SPARSE, ClipPair, Direction, Metric, Region, mean_alone

BLOCK = 64
EDGE_SHARE = 0.002
"""A block counts where more of its pixels than this are edges."""
LOW_CONTRAST = 50
WIDTH_LOW, WIDTH_HIGH = 5.0, 3.0
"""Just noticeable widths in blocks of low and of high contrast, pixels."""
STEEPNESS = 3.6
JUST_NOTICED = 0.63
STRONG = 0.5
"""An edge's squared gradient (Sobel) is this many times the picture's mean, and larger than beside the edge. The paper
leaves the threshold open; at this one the scores are within 0.11 of the published package cpbd 1.0.7."""


def blur_effect(image: np.ndarray) -> float:
    """Crete et al. 2007 on the grey uint8 image: 0 is sharp, 1 cannot be blurred further."""
    from skimage.measure import blur_effect as effect

    return float(effect(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), h_size=11))


def cpbd(image: np.ndarray) -> float:
    """Share of the edges that are not blurred, 0 to 1; NaN for a picture without edges.

    Args:
        image: uint8 (H, W, 3) BGR or (H, W) grey; a picture that is smaller than a block of 64
            pixels is one block.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
    edges, widths = edge_widths(grey)
    height, width = (min(BLOCK, side) for side in grey.shape)
    sharp = total = 0
    for top in range(0, grey.shape[0] - height + 1, height):
        for left in range(0, grey.shape[1] - width + 1, width):
            part = (slice(top, top + height), slice(left, left + width))
            if edges[part].mean() <= EDGE_SHARE:
                continue
            found = widths[part][widths[part] > 0]
            noticed = WIDTH_LOW if int(grey[part].max()) - int(grey[part].min()) <= LOW_CONTRAST else WIDTH_HIGH
            seen = 1 - np.exp(-((found / noticed) ** STEEPNESS))
            # a width of exactly the noticeable one lies at 1 - 1/e, 0.632, which counts as 0.63
            sharp += int((np.round(seen, 2) <= JUST_NOTICED).sum())
            total += len(found)
    return sharp / total if total else float("nan")


def edge_widths(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return bool (H, W) edges and float (H, W) widths in pixels, 0 where there is no vertical edge."""
    values = grey.astype(np.float32)
    across, down = cv2.Sobel(values, cv2.CV_32F, 1, 0), cv2.Sobel(values, cv2.CV_32F, 0, 1)
    power = across**2 + down**2
    strong = power > STRONG * power.mean()
    around = np.pad(power, 1)
    ridge_x = (power >= around[1:-1, :-2]) & (power > around[1:-1, 2:])
    ridge_y = (power >= around[:-2, 1:-1]) & (power > around[2:, 1:-1])
    steep = np.abs(across) >= np.abs(down)
    edges = strong & ((steep & ridge_x) | (~steep & ridge_y))
    # within 22.5 degrees of the row, else the width along the row is not that of the edge
    vertical = edges & (np.abs(down) <= np.tan(np.pi / 8) * np.abs(across))
    levels = grey.astype(np.int16)
    rising, falling = _monotone_length(levels), _monotone_length(-levels)
    return edges, np.where(vertical, np.where(across > 0, rising, falling), 0).astype(np.float64)


def _monotone_length(levels: np.ndarray) -> np.ndarray:
    """Steps of each pixel's stretch of its row over which values rise, both ways from the pixel."""
    steps = np.diff(levels, axis=1) > 0
    before, after = np.zeros(levels.shape, np.int32), np.zeros(levels.shape, np.int32)
    for x in range(steps.shape[1]):
        before[:, x + 1] = np.where(steps[:, x], before[:, x] + 1, 0)
    for x in range(steps.shape[1] - 1, -1, -1):
        after[:, x] = np.where(steps[:, x], after[:, x + 1] + 1, 0)
    return before + after


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
