"""How a face's points move: opening lips, spread and rounded mouths, blinks, brows, small turns of the head."""

# N points (the mesh and a fixed ring around it)

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkingface.demo.topology import (
    BROWS,
    EYE_CORNERS,
    EYES,
    FRINGE,
    FRINGE_EDGES,
    INNER_CORNERS,
    LEFT_CORNER,
    LOWER_FLESH,
    LOWER_INNER,
    LOWER_LIP,
    LOWER_OUTER,
    MESH,
    OUTER_CORNERS,
    OVAL,
    RIGHT_CORNER,
    RIM,
    UPPER_FLESH,
    UPPER_INNER,
    UPPER_LIP,
    UPPER_OUTER,
    all_triangles,
)
from talkingface.demo.warp import FloatArray

WIDEST = 0.36
"""Distance of the inner lips at opening 1, in units of the interocular distance."""
JAW_SHARE = 0.62
"""How far the chin drops, as a share of the lower lip's drop."""
UNSMILE = 0.95
"""Share of a smile that is taken out of a photograph."""
_OVERLAP = 0.06
"""Interocular distances by which the lips reach into the mouth, so that their edge never shows what lies behind."""


class Expression(NamedTuple):
    """State of a face in one frame."""

    opening: float = 0.0
    """Lips: 0 closed to about 1."""
    width: float = 0.0
    """Mouth corners: -1 rounded to 1 spread."""
    blink: float = 0.0
    """Eyes: 0 open to 1 closed."""
    brow: float = 0.0
    """Brows: 0 at rest to 1 raised."""
    yaw: float = 0.0
    """Turn to the side, radians; small."""
    pitch: float = 0.0
    """Nod, radians; small."""


def interocular(points: FloatArray) -> float:
    """Distance of the outer eye corners, pixels."""
    return float(np.hypot(*(points[EYE_CORNERS[1], :2] - points[EYE_CORNERS[0], :2])))


def _unsmile(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Let raised mouth corners down and in; a smile narrows to a mouth at rest. (468, 2)."""
    left, right = points[OUTER_CORNERS[0]], points[OUTER_CORNERS[1]]
    centre = (left + right) / 2
    half = float(np.hypot(*(right - left))) / 2
    sag = float(points[[13, 14], 1].mean() - centre[1])
    if sag <= 0:
        return points
    x, y = (points - centre).T
    near = np.exp(-((x / (1.5 * half)) ** 4) - (y / (1.1 * half)) ** 2)
    lifted = np.clip(np.abs(x) / half, 0, 1.2) ** 2
    out = points.copy()
    out[:, 1] += UNSMILE * sag * near * lifted
    out[:, 0] -= 0.5 * UNSMILE * sag / half * x * near
    return out


def close_mouth(points: FloatArray) -> NDArray[np.float64]:
    """The (468, 2) points with the inner lips brought together on the line between them."""
    points = _unsmile(np.array(points, dtype=np.float64))
    closed = points.copy()
    for upper, lower in zip(UPPER_INNER, LOWER_INNER, strict=True):
        closed[[upper, lower]] = points[upper] * 0.45 + points[lower] * 0.55
    moved = (closed - points)[:, 1]
    for group, inner, share in (
        (UPPER_FLESH, UPPER_INNER, 0.85),
        (LOWER_FLESH, LOWER_INNER, 0.9),
        (UPPER_OUTER, UPPER_INNER, 0.8),
        (LOWER_OUTER, LOWER_INNER, 0.9),
    ):
        closed[group, 1] += share * np.interp(points[group, 0], points[inner, 0], moved[inner])
    return closed


def _rim(points: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Points around the face that never move, so that the warp ends before hair and shoulders do."""
    centre = points[OVAL].mean(axis=0)
    out = (points[OVAL] - centre) * 1.32
    out[:, 1] *= np.where(out[:, 1] > 0, 1.25, 1.0)  # room for the chin to drop
    return np.clip(centre + out, 2, size - 3)


def _with_fringe(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Append the fringe: the lips' edges continued a little into the mouth."""
    depth = _OVERLAP * interocular(points)
    into = np.repeat([[0.0, depth], [0.0, -depth]], FRINGE // 2, axis=0)
    return np.vstack([points, points[FRINGE_EDGES] + into])


def _opening_move(points: NDArray[np.float64], eyes: float) -> NDArray[np.float64]:
    """(468, 2) movement at opening 1: the jaw drops, the upper lip rises a little, the corners come in.

    Below the lower lip the movement falls smoothly to the jaw's share, so that the skin there is pressed together
    but never folds over.
    """
    centre = points[[LEFT_CORNER, RIGHT_CORNER]].mean(axis=0)
    half = np.hypot(*(points[RIGHT_CORNER] - points[LEFT_CORNER])) / 2
    x, y = (points - centre).T
    drop, rise = WIDEST * 0.86 * eyes, WIDEST * 0.14 * eyes
    arch = np.clip(1 - (x / (half * 1.02)) ** 2, 0, 1) ** 0.55
    ramp = np.clip(y / (0.45 * eyes), 0, 1)
    jaw = JAW_SHARE * np.exp(-((x / eyes) ** 2)) * ramp * ramp * (3 - 2 * ramp)
    lip = np.interp(x, x[LOWER_OUTER], y[LOWER_OUTER])
    chin = JAW_SHARE + (1 - JAW_SHARE) * np.exp(-(np.clip((y - lip) / (0.28 * eyes), 0, None) ** 1.5))
    under = np.where(y > 0, np.maximum(jaw, arch * chin), 0)
    move = np.zeros_like(points)
    move[:, 1] = under * drop
    move[LOWER_LIP, 1] = np.maximum(under, arch)[LOWER_LIP] * drop
    move[UPPER_LIP, 1] = -arch[UPPER_LIP] * rise
    move[[*INNER_CORNERS, *OUTER_CORNERS], 1] = 0.10 * drop
    near = np.exp(-((x / (1.25 * half)) ** 4) - (y / (1.1 * half)) ** 4)
    move[:, 0] = -0.10 * x * near
    return move


def _corner_moves(points: NDArray[np.float64], eyes: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(468, 2) movements of the spread and of the rounded mouth."""
    centre = points[[LEFT_CORNER, RIGHT_CORNER]].mean(axis=0)
    half = np.hypot(*(points[RIGHT_CORNER] - points[LEFT_CORNER])) / 2
    x, y = (points - centre).T
    near = np.exp(-((x / (1.25 * half)) ** 4) - (y / (1.1 * half)) ** 4)
    arch = np.clip(1 - (x / (half * 1.02)) ** 2, 0, 1) ** 0.7
    spread, rounded = np.zeros_like(points), np.zeros_like(points)
    spread[:, 0] = 0.10 * x * near
    rounded[:, 0] = -0.32 * x * near
    rounded[LOWER_OUTER, 1] = 0.02 * eyes * arch[LOWER_OUTER]
    rounded[UPPER_OUTER, 1] = -0.02 * eyes * arch[UPPER_OUTER]
    return spread, rounded


def _turn_moves(points: NDArray[np.float64], depth: FloatArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(468, 2) movements of a turn and a nod by 1 radian: nearer points move further."""
    nearness = np.mean(depth[OVAL]) - depth
    edge = np.zeros(len(points), dtype=bool)
    edge[OVAL] = True
    nearness = np.where(edge, nearness * 0.5, nearness)
    yaw, pitch = np.zeros_like(points), np.zeros_like(points)
    yaw[:, 0], pitch[:, 1] = nearness, nearness
    return yaw, pitch


def _oriented(triangles: NDArray[np.int32], points: FloatArray) -> NDArray[np.int32]:
    """The (K, 3) triangles, each wound the same way round in `points`."""
    a, b, c = points[triangles].transpose(1, 0, 2)
    turned = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) < (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    return np.where(turned[:, None], triangles[:, ::-1], triangles)


@dataclass(frozen=True)
class FaceRig:
    """A face's points at rest with closed lips, and how each part of an expression moves them."""

    rest: NDArray[np.float64]
    """(N, 2) pixels: the mesh, a rim around it, and a fringe of the lips' edges inside the mouth."""
    moves: NDArray[np.float64]
    """(7, N, 2): opening, spread, rounded, blink, brow, yaw, pitch, each at 1."""
    triangles: NDArray[np.int32]
    """(K, 3) as `topology.all_triangles`, wound the same way round."""

    @classmethod
    def of(cls, points: NDArray[np.float64], depth: FloatArray, size: int) -> FaceRig:
        """Rig of (468, 2) points at rest with (468,) depths in a `size` x `size` picture."""
        eyes = interocular(points)
        spread, rounded = _corner_moves(points, eyes)
        blink, brow = np.zeros_like(points), np.zeros_like(points)
        for eye in EYES:
            blink[eye.upper] = (points[eye.lower] - points[eye.upper]) * 0.92
        brow[BROWS, 1] = -0.05 * eyes
        yaw, pitch = _turn_moves(points, depth)
        moves = np.stack([_opening_move(points, eyes), spread, rounded, blink, brow, yaw, pitch])
        rim = np.zeros((len(moves), RIM, 2))
        moves = np.concatenate([moves, rim, moves[:, FRINGE_EDGES]], axis=1)
        rest = _with_fringe(np.vstack([points, _rim(points, size)]))
        return cls(rest, moves, _oriented(all_triangles(), rest))

    def around(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 2): other (468, 2) points with this rig's rim and a fringe of their own."""
        return _with_fringe(np.vstack([points, self.rest[MESH : MESH + RIM]]))

    def points(self, expression: Expression) -> NDArray[np.float64]:
        """(N, 2) points of an expression."""
        opening, width, blink, brow, yaw, pitch = expression
        amounts = np.array([opening, max(width, 0.0), max(-width, 0.0), blink, brow, yaw, pitch])
        return self.rest + np.tensordot(amounts, self.moves, axes=1)
