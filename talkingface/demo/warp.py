"""Piecewise affine warp of a picture by the triangles between moving points."""

# N points, K triangles, h/w pixels of the region

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Region:
    """A rectangle of the picture, pixels; x1 and y1 are outside."""

    x0: int
    y0: int
    x1: int
    y1: int

    @classmethod
    def around(cls, points: FloatArray, size: int, margin: int = 0) -> Region:
        """The smallest region of a `size` x `size` picture that holds (N, 2) points and a margin."""
        low = np.clip(np.floor(points.min(axis=0)).astype(int) - margin, 0, size)
        high = np.clip(np.ceil(points.max(axis=0)).astype(int) + margin + 1, 0, size)
        return cls(int(low[0]), int(low[1]), int(high[0]), int(high[1]))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.y1 - self.y0, self.x1 - self.x0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the region in an (H, W, ...) array."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def grid(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """x as (1, w) and y as (h, 1) coordinates of the pixels."""
        x = np.arange(self.x0, self.x1, dtype=np.float32)[None, :]
        return x, np.arange(self.y0, self.y1, dtype=np.float32)[:, None]


def inverse_affines(
    source: FloatArray, target: FloatArray, triangles: NDArray[np.int32]
) -> tuple[NDArray[np.float32], FloatArray]:
    """How each target triangle looks up its source.

    Returns:
        (K, 6) with x_source - x = a x + b y + c and y_source - y = d x + e y + f as (a, b, c, d, e, f), and the (K,)
        doubled target areas; negative where a triangle is turned over.
    """
    t, s = target[triangles], source[triangles]
    (x1, y1), (x2, y2) = (t[:, 1] - t[:, 0]).T, (t[:, 2] - t[:, 0]).T
    area = x1 * y2 - x2 * y1
    safe = np.where(np.abs(area) < 1e-6, 1.0, area)
    move = s - t  # affine in the target position, so interpolating it is the whole warp
    d1, d2 = move[:, 1] - move[:, 0], move[:, 2] - move[:, 0]
    along_x = (d1 * y2[:, None] - d2 * y1[:, None]) / safe[:, None]
    along_y = (d2 * x1[:, None] - d1 * x2[:, None]) / safe[:, None]
    rest = move[:, 0] - along_x * t[:, 0, :1] - along_y * t[:, 0, 1:]
    table = np.stack([along_x[:, 0], along_y[:, 0], rest[:, 0], along_x[:, 1], along_y[:, 1], rest[:, 1]], axis=1)
    return table.astype(np.float32), area


def displacement(
    source: FloatArray, target: FloatArray, triangles: NDArray[np.int32], region: Region, *, under: int = 0
) -> NDArray[np.float32]:
    """Where each pixel of the warped picture comes from, relative to itself.

    Args:
        source: (N, 2) points in the picture.
        target: (N, 2) where they go.
        triangles: (K, 3) indices, with positive area in `source`.
        region: pixels to compute; outside the triangles nothing moves.
        under: the first so many triangles lie under all others.

    Returns:
        (h, w, 2) x and y, pixels.
    """
    table, area = inverse_affines(source, target, triangles)
    size = area.copy()
    size[:under] = np.abs(size[:under]) - 1e9  # first of all, whichever way they wind
    order = np.argsort(size)
    order = order[(size[order] > 0.02) | (order < under)]  # flat and turned ones show nothing; large ones win
    corners = np.round((target - (region.x0, region.y0))[triangles] * 16).astype(np.int32)
    owner = np.full(region.shape, len(triangles), np.int32)
    for index in order.tolist():
        cv2.fillConvexPoly(owner, corners[index], index, lineType=cv2.LINE_8, shift=4)
    a, b, c, d, e, f = np.vstack([table, np.zeros((1, 6), np.float32)]).T
    x, y = region.grid()
    return np.stack([a[owner] * x + b[owner] * y + c[owner], d[owner] * x + e[owner] * y + f[owner]], axis=-1)


def warp(
    picture: NDArray[Any], source: FloatArray, target: FloatArray, triangles: NDArray[np.int32], *, under: int = 0
) -> NDArray[Any]:
    """A square (S, S) or (S, S, C) picture with its `source` points moved to `target`."""
    region = Region(0, 0, picture.shape[1], picture.shape[0])
    x, y = region.grid()
    move = displacement(source, target, triangles, region, under=under)
    return cv2.remap(picture, move[..., 0] + x, move[..., 1] + y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
