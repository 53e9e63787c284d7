"""From face boxes to square crops: smoothing, padding, cutting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# N frames; boxes are x1, y1, x2, y2 in pixels


def smooth_boxes(boxes: NDArray[Any], window: int = 5) -> NDArray[Any]:
    """Average boxes over the next `window` frames as the published inference does.

    Box i becomes the mean of boxes i..i+window-1. Near the end it is the mean of the last `window` boxes, those
    already smoothed included. Whole-number boxes are truncated to whole numbers at each step.

    Args:
        boxes: (N, 4), any number type; not changed.
        window: frames; 1 changes nothing.

    Returns:
        (N, 4) of the same type.
    """
    if window < 1:
        raise ValueError(f"window: wanted 1 or more, got {window}")
    smoothed = np.array(boxes)
    count = len(smoothed)
    for i in range(count):
        part = smoothed[count - window :] if i + window > count else smoothed[i : i + window]
        smoothed[i] = part.mean(axis=0, dtype=np.float64)
    return smoothed


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
