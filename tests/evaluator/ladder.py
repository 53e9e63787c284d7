"""Faces made worse step by step, so that a quality metric has a direction to show."""

from __future__ import annotations

import cv2
import numpy as np
from skimage import data


def face_crops(count: int = 6) -> np.ndarray:
    """uint8 (count, 128, 128, 3) BGR of a photographed face that moves a little."""
    picture = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    return np.stack([picture[60 + k : 188 + k, 160 + k : 288 + k] for k in range(count)])


def blurred(crops: np.ndarray, strength: int) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(one, (0, 0), 0.7 * strength) for one in crops])


def noisy(crops: np.ndarray, strength: int) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(crops.shape)
    return (crops + 8 * strength * noise).clip(0, 255).astype(np.uint8)


def compressed(crops: np.ndarray, strength: int) -> np.ndarray:
    quality = {1: 60, 2: 25, 3: 8}[strength]
    coded = [cv2.imencode(".jpg", one, [cv2.IMWRITE_JPEG_QUALITY, quality])[1] for one in crops]
    return np.stack([cv2.imdecode(one, cv2.IMREAD_COLOR) for one in coded])


LADDERS = {"blur": blurred, "noise": noisy, "jpeg": compressed}
