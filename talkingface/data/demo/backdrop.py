"""Blurred backgrounds, drawn from a seed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.data.demo.matte import blur


def _colour(hue: float, saturation: float, value: float) -> NDArray[np.float32]:
    """BGR (3,) of a colour in OpenCV's HSV: hue 0..180, the others 0..255."""
    pixel = np.array([[[hue % 180, saturation, value]]], np.uint8)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32)


def make_backdrop(size: int, kind: int, seed: int) -> NDArray[np.uint8]:
    """A (size, size, 3) BGR background.

    Args:
        size: side, pixels.
        kind: 0 a lit wall, 1 a curtain, 2 soft spots.
        seed: of colours and places.
    """
    rng = np.random.default_rng([seed, 2])
    ramp = np.linspace(0, 1, size, dtype=np.float32)
    hue, turn = rng.uniform(0, 180), rng.uniform(10, 40)
    near = _colour(hue, rng.uniform(40, 110), rng.uniform(120, 215))
    far = _colour(hue + turn, rng.uniform(40, 110), rng.uniform(60, 130))
    mix = (0.6 * ramp[:, None] + 0.4 * ramp[None, :])[..., None]
    wall = near + mix * (far - near)
    if kind == 1:
        folds = np.interp(np.arange(size), np.linspace(0, size, 22), rng.uniform(0.65, 1.1, 22))
        wall = wall * folds.astype(np.float32)[None, :, None]
    if kind == 2:
        spots = blur(rng.standard_normal((size, size)), size / 14)[..., None]
        wall = wall * (1 + 0.16 * spots / spots.std())
    return np.clip(blur(wall, size / 100), 0, 255).astype(np.uint8)
