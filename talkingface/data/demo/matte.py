"""Cutting a person out of a photograph without a rim of the old background."""

# S side of the square picture

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def disk(radius: float) -> NDArray[np.uint8]:
    """Round structuring element."""
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)).astype(np.uint8)


def blur(picture: NDArray[Any], sigma: float) -> NDArray[np.float32]:
    """Gaussian blur; `sigma` in pixels."""
    return np.asarray(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), sigma), np.float32)


def grab_cut(image: NDArray[np.uint8], labels: NDArray[np.uint8], rounds: int = 4) -> NDArray[np.uint8]:
    """1 where the colours say foreground, else 0; `labels` are OpenCV's GC_* values. Same result every time."""
    cv2.setRNGSeed(0)
    work, back, fore = labels.copy(), np.zeros((1, 65)), np.zeros((1, 65))
    nowhere = (0, 0, 0, 0)  # the rectangle that this mode ignores
    cv2.grabCut(image, work, nowhere, back, fore, rounds, cv2.GC_INIT_WITH_MASK)
    return np.isin(work, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)


def _largest(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The biggest connected part of a 0/1 mask, holes filled."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return mask
    kept = (parts == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    contours, _ = cv2.findContours(kept, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(kept, contours, -1, 1, cv2.FILLED), np.uint8)


def head_matte(image: NDArray[np.uint8], person: NDArray[np.float32]) -> NDArray[np.float32]:
    """Soft outline of the person.

    The network's mask is too wide for hair and takes in what stands behind; colours decide in a band around it, and
    the outline is drawn a little inside, where no background shines through.

    Args:
        image: (S, S, 3) BGR.
        person: (S, S) probability of being the person.

    Returns:
        (S, S) in [0, 1].
    """
    unit = image.shape[0] / 256
    labels = np.where(person > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    trunk = cv2.morphologyEx((person > 0.6).astype(np.uint8), cv2.MORPH_OPEN, disk(10 * unit))
    labels[cv2.erode(trunk, disk(4 * unit)) > 0] = cv2.GC_FGD
    labels[cv2.dilate((person > 0.1).astype(np.uint8), disk(5 * unit)) == 0] = cv2.GC_BGD
    mask = cv2.morphologyEx(grab_cut(image, labels), cv2.MORPH_OPEN, disk(3 * unit)).astype(np.uint8)
    smooth = blur(_largest(mask), 1.8 * unit)
    # The steep ramp keeps the outline sharp; its middle lies 1 px inside.
    return blur(np.clip((smooth - 0.58) / 0.3, 0, 1), 0.7 * unit)


def foreground_colours(image: NDArray[np.uint8], alpha: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The image with the colours at and beyond the outline replaced by the nearest ones from inside."""
    unit = image.shape[0] / 256
    inside = cv2.erode((alpha > 0.98).astype(np.float32), disk(2 * unit))
    known, weight = image.astype(np.float32) * inside[..., None], inside.copy()
    filled, done = known.copy(), inside.copy()
    for sigma in (1.2 * unit, 3 * unit, 8 * unit):  # nearest colours first, then ever wider for what is still unknown
        near = blur(weight, sigma)
        guess = blur(known, sigma) / np.maximum(near, 1e-6)[..., None]
        take = np.clip(near / 0.02, 0, 1) * (1 - done)
        filled, done = filled + guess * take[..., None], done + take
    filled = filled + image * (1 - done)[..., None]
    soft = blur(inside, 0.8 * unit)[..., None]
    return np.clip(image * soft + filled * (1 - soft), 0, 255).astype(np.uint8)
