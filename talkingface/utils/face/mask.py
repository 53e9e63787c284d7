"""Lip masks: the filled outline around the mouth, whose bounding box is where lip losses look."""

# N points, H/W pixels, S side of the working size

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from talkingface.utils.face.sketch import to_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOUTH_OUTLINE = (
    164, 167, 165, 92, 186, 57, 43, 106, 182, 83, 18, 313, 406, 335, 273, 287, 410, 322, 391, 393,
)  # fmt: skip
"""Points of MediaPipe's face mesh around the lips, a little outside them."""


def draw_mask(points: NDArray[Any], height: int, width: int) -> NDArray[np.uint8]:
    """Fill the mouth's outline.

    Args:
        points: (N, 2) x, y in shares of the picture, N >= 468.
        height: of the picture.
        width: of the picture.

    Returns:
        (H, W) uint8: 255 inside, 0 outside.
    """
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [to_pixels(points, height, width)[list(MOUTH_OUTLINE)]], 255)
    return mask


def resize_mask(mask: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The mask at the working size: pixels that lie inside it whole, whose bounding box is the lip losses'.

    Args:
        mask: (H, W) uint8; what JPEG left around the outline counts as what it was.
        size: side wanted.

    Returns:
        (S, S) uint8, 0 or 255.
    """
    inside = np.where(mask > 127, np.uint8(255), np.uint8(0))
    if inside.shape != (size, size):
        inside = cv2.resize(inside, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.where(inside == 255, np.uint8(255), np.uint8(0))
