"""The points of MediaPipe's 468-point face mesh that this package uses, and what is measured on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

UPPER_LIP, LOWER_LIP = 13, 14
"""Middle of the lips' inner edges: they touch when the mouth is closed."""
RIGHT_EYE_OUTER, RIGHT_EYE_INNER, LEFT_EYE_INNER, LEFT_EYE_OUTER = 33, 133, 362, 263
"""Eye corners; right and left are the person's own."""
CHIN, FOREHEAD = 152, 10
LIPS_OUTER = (
    61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146,
)  # fmt: skip
"""Outline of the lips, from the right corner over the upper lip."""
LIPS_INNER = (
    78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95,
)  # fmt: skip
"""Edge of the opening, from the right corner over the upper lip."""
MOUTH = LIPS_OUTER + LIPS_INNER
FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
"""Outline of the face, clockwise in the picture from the forehead."""


def mouth_opening(landmarks: NDArray[Any]) -> float:
    """Distance of the inner lips over the distance of the outer eye corners; about 0 closed, 0.3 wide open.

    Args:
        landmarks: (468, 2) or (468, 3), pixels.
    """
    gap = np.linalg.norm(landmarks[UPPER_LIP, :2] - landmarks[LOWER_LIP, :2])
    eyes = np.linalg.norm(landmarks[RIGHT_EYE_OUTER, :2] - landmarks[LEFT_EYE_OUTER, :2])
    return float(gap / max(float(eyes), 1e-6))


def mouth_points(landmarks: NDArray[Any]) -> NDArray[Any]:
    """(40, 2): the lips' outer, then inner outline."""
    return landmarks[list(MOUTH), :2]
