"""What is seen between open lips: a dark cavity, upper teeth, tongue; and the line where closed lips touch."""

# h/w pixels of the painted rectangle; all lengths in pixels of the portrait

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkingface.demo.topology import LEFT_CORNER, LOWER_INNER, RIGHT_CORNER, UPPER_INNER

# BGR
_CAVITY = np.array([26, 20, 50], np.float32)
_GUM = np.array([62, 52, 128], np.float32)
_TONGUE = np.array([88, 80, 168], np.float32)
_TEETH = np.array([196, 214, 222], np.float32)
_TOOTH_EDGES = np.array([0.0, 0.20, 0.37, 0.53, 0.68, 0.81, 0.92])
"""Where one tooth ends and the next begins, from the middle, in half mouth widths."""


class MouthShape(NamedTuple):
    """The inner edges of the lips."""

    x: NDArray[np.float64]
    """(P,) rising."""
    upper: NDArray[np.float64]
    """(P,) y of the upper lip's edge."""
    lower: NDArray[np.float64]
    """(P,) y of the lower lip's edge, never above `upper`."""

    @classmethod
    def of(cls, points: NDArray[np.float64]) -> MouthShape:
        """Smooth edges through the mesh points of the inner lips."""
        from scipy.interpolate import PchipInterpolator

        def edge(indices: list[int]) -> PchipInterpolator:
            at = points[[LEFT_CORNER, *indices, RIGHT_CORNER]]
            rising = np.maximum.accumulate(at[:, 0] + 1e-3 * np.arange(len(at)))
            return PchipInterpolator(rising, at[:, 1])

        left, right = points[LEFT_CORNER, 0], points[RIGHT_CORNER, 0]
        x = np.linspace(left, right, 48)
        upper, lower = edge(UPPER_INNER)(x), edge(LOWER_INNER)(x)
        middle = (upper + lower) / 2
        gap = np.maximum(lower - upper, 0) / 2
        return cls(x, middle - gap, middle + gap)

    @property
    def gap(self) -> float:
        """Largest distance of the lips."""
        return float((self.lower - self.upper).max())

    @property
    def half_width(self) -> float:
        """Half the distance of the corners."""
        return float(self.x[-1] - self.x[0]) / 2


def _inside(
    shape: MouthShape,
    across: NDArray[np.float32],
    gap: NDArray[np.float32],
    below: NDArray[np.float32],
    height: NDArray[np.float32],
    width: float,
    unit: float,
) -> NDArray[np.float32]:
    """(h, w, 3) colours of the mouth's inside.

    Args:
        across: -1 at the left corner to 1 at the right one.
        gap: distance of the lips in this column.
        below: distance under the upper lip.
        height: distance over the lower lip.
        width: -1 rounded to 1 spread.
        unit: interocular distance.
    """
    colour = np.broadcast_to(_CAVITY, (*below.shape, 3)).copy()
    rim = np.exp(-np.clip(height, 0, None) / (0.035 * unit))[..., None] * 0.55
    colour += rim * (_GUM - colour)
    wide = float(np.clip((shape.gap / unit - 0.08) / 0.12, 0, 1))
    tongue_top = 0.10 * unit * wide * np.sqrt(np.clip(1 - (across / 0.72) ** 2, 0, 1))
    tongue = np.clip((tongue_top - height) / (0.035 * unit) + 0.5, 0, 1)[..., None] * wide
    lit = 0.75 + 0.25 * np.clip(height / (0.08 * unit), 0, 1)
    colour += tongue * (_TONGUE * lit[..., None] - colour)
    # Upper teeth hang from the upper lip; rounded lips and small openings show less of them.
    side = np.abs(across)
    length = 0.105 * unit * (1 - 0.35 * side**2) * (1 - 0.55 * max(0.0, -width))
    tooth = np.searchsorted(_TOOTH_EDGES, side, side="right") - 1
    start = _TOOTH_EDGES[tooth]
    end = np.append(_TOOTH_EDGES, 1.1)[tooth + 1]
    within = (side - start) / (end - start)
    length = length * (1 - 0.10 * (2 * within - 1) ** 4 - 0.10 * (tooth == 1))
    teeth = np.clip((length - below) / (0.012 * unit) + 0.5, 0, 1) * np.clip((0.93 - side) / 0.1, 0, 1)
    shade = (1 - 0.55 * side**2) * (0.78 + 0.22 * np.clip(below / (0.05 * unit), 0, 1))
    shade = shade * (1 - 0.09 * np.exp(-(((np.minimum(within, 1 - within) * (end - start)) / 0.025) ** 2)))
    colour += teeth[..., None] * (_TEETH * shade[..., None] - colour)
    return colour.astype(np.float32)


def paint_mouth(
    picture: NDArray[np.float32],
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    shape: MouthShape,
    *,
    width: float,
    unit: float,
    light: float = 1.0,
) -> NDArray[np.float32]:
    """Paint the inside of the mouth over a picture.

    Args:
        picture: (h, w, 3) BGR.
        x: (h, w) where each pixel lies in the portrait.
        y: (h, w) likewise.
        shape: the lips' inner edges, in the portrait.
        width: -1 rounded to 1 spread.
        unit: interocular distance in the portrait.
        light: factor on teeth and tongue.

    Returns:
        (h, w, 3) BGR.
    """
    upper = np.interp(x, shape.x, shape.upper).astype(np.float32)
    lower = np.interp(x, shape.x, shape.lower).astype(np.float32)
    # Share of the pixel's height that lies between the lips: edges are smooth without supersampling.
    cover = np.clip(np.minimum(y + 0.5, lower) - np.maximum(y - 0.5, upper), 0, 1)
    across = (x - shape.x.mean()) / shape.half_width
    cover = cover * (np.abs(across) < 1)
    middle, gap = (upper + lower) / 2, lower - upper
    crease = np.exp(-(((y - middle) / (0.012 * unit)) ** 2)) * np.clip(1.04 - across**4, 0, 1) * (np.abs(across) < 1.02)
    crease = 0.45 * crease * np.clip(1 - gap / (0.03 * unit), 0, 1)
    # Lips turn inwards at their edges and get darker there.
    outside = np.maximum(np.maximum(upper - y, y - lower), 0)
    rim = 0.30 * np.exp(-outside / (0.02 * unit)) * np.clip(gap / (0.02 * unit), 0, 1) * (np.abs(across) < 1)
    shaded = picture * (1 - np.maximum(crease, rim))[..., None]
    inside = _inside(shape, across, gap, y - upper, lower - y, width, unit) * np.float32(light)
    return shaded + cover[..., None] * (inside - shaded)
