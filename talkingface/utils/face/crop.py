"""Face boxes that speech does not move, and the square crops that are cut by them.

A box that reaches to the detected chin grows when the jaw drops, and the scale of the crop then tells how far the
mouth is open, even where the mouth itself is masked. Here the average face is laid over the eye corners, nose
bridge, temples and forehead alone (rotation, scale and shift in three dimensions), and the box has fixed
proportions in that face: from the top of the forehead to where the chin of a wide open mouth reaches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Units of the average face: the distance between the eyes' middles is 1; the origin is the nose bridge (168);
# x to the picture's right, y down, z away from the camera. The table is the mean of fitted meshes, made symmetric.
_STABLE = {
    6: (0.000, 0.132, -0.078),
    8: (0.000, -0.137, 0.006),
    9: (0.000, -0.284, -0.001),
    10: (0.000, -0.781, 0.138),
    21: (-1.020, -0.255, 0.784),
    33: (-0.717, 0.112, 0.329),
    54: (-0.927, -0.454, 0.611),
    67: (-0.546, -0.720, 0.257),
    103: (-0.777, -0.612, 0.422),
    109: (-0.296, -0.770, 0.160),
    127: (-1.087, 0.202, 1.096),
    133: (-0.283, 0.127, 0.243),
    151: (0.000, -0.534, 0.062),
    162: (-1.071, -0.050, 0.963),
    168: (0.000, 0.000, 0.000),
    251: (1.020, -0.255, 0.784),
    263: (0.717, 0.112, 0.329),
    284: (0.927, -0.454, 0.611),
    297: (0.546, -0.720, 0.257),
    332: (0.777, -0.612, 0.422),
    338: (0.296, -0.770, 0.160),
    356: (1.087, 0.202, 1.096),
    362: (0.283, 0.127, 0.243),
    389: (1.071, -0.050, 0.963),
}
STABLE_POINTS = tuple(_STABLE)
"""Mesh points that neither speech nor blinking moves."""
_AVERAGE = np.array(list(_STABLE.values()))

TOP, BOTTOM = -0.90, 2.25
"""The hairline (the mesh ends at -0.78), so that a raised head's mouth stays in the lower half; and below the chin at
rest (1.92) and wide open (up to 2.16 in real clips)."""
_OUTLINE = np.array(
    [
        (0.0, TOP, 0.14),
        (0.0, BOTTOM, 0.14),
        (-1.07, 0.43, 1.14),  # ears
        (1.07, 0.43, 1.14),
        (-0.92, 1.20, 0.85),  # corners of the jaw
        (0.92, 1.20, 0.85),
        (0.0, 0.58, -0.41),  # tip of the nose, which stands out when the head is turned
    ]
)


def stable_box(mesh: NDArray[Any]) -> NDArray[np.float32]:
    """The face's box in the picture.

    Args:
        mesh: (468, 3) x, y, z in pixels (z as MediaPipe gives it, times the picture's width).

    Returns:
        (4,) x1, y1, x2, y2 in pixels.
    """
    scale, rotation, shift = similarity(_AVERAGE, np.asarray(mesh, dtype=np.float64)[list(STABLE_POINTS)])
    outline = scale * _OUTLINE @ rotation.T + shift
    low, high = outline[:, :2].min(axis=0), outline[:, :2].max(axis=0)
    return np.concatenate([low, high]).astype(np.float32)


def similarity(
    source: NDArray[np.float64], target: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Least-squares scale s, rotation R and shift t with target = s R source + t (Umeyama 1991, eq. 40-42).

    Args:
        source: (n, d) points.
        target: (n, d) points.

    Returns:
        s, (d, d) R, (d,) t.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    a, b = source - source_mean, target - target_mean
    u, singular, vt = np.linalg.svd(b.T @ a)
    signs = np.ones(len(singular))
    signs[-1] = np.sign(np.linalg.det(u @ vt)) or 1.0  # a rotation, never a mirror image
    rotation = (u * signs) @ vt
    scale = float((singular * signs).sum() / (a * a).sum())
    return scale, rotation, target_mean - scale * rotation @ source_mean


def pad_and_clip(box: NDArray[Any], pads: tuple[int, int, int, int], frame_shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Grow a box by (top, bottom, left, right) pixels and keep what lies in the frame, at least 2x2 pixels.

    Args:
        box: (4,) x1, y1, x2, y2, pixels.
        pads: top, bottom, left, right, pixels.
        frame_shape: (H, W) or (H, W, C).

    Returns:
        (4,) whole numbers; x2 and y2 are exclusive.
    """
    height, width = frame_shape[:2]
    top, bottom, left, right = pads
    x1, y1, x2, y2 = (round(float(value)) for value in box)
    x1, x2 = _span(x1 - left, x2 + right, width)
    y1, y2 = _span(y1 - top, y2 + bottom, height)
    return np.array([x1, y1, x2, y2], dtype=np.int64)


def crop(frame: NDArray[np.uint8], box: NDArray[Any], size: int) -> NDArray[np.uint8]:
    """Cut a box out of a frame and stretch it to a square, uint8 (size, size, 3); parts outside are left out.

    Shrinking averages pixels, enlarging interpolates linearly.
    """
    x1, y1, x2, y2 = pad_and_clip(box, (0, 0, 0, 0), frame.shape)
    part = frame[y1:y2, x1:x2]
    shrinks = part.shape[0] >= size and part.shape[1] >= size
    return cv2.resize(  # type: ignore[return-value]
        part, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )


def _span(low: int, high: int, length: int) -> tuple[int, int]:
    low = min(max(low, 0), max(length - 2, 0))
    return low, max(min(high, length), min(low + 2, length))
