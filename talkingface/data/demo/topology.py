"""The triangles between face points: the mesh's own, closed eyes, a rim around the face, a fringe inside the lips.

Point indices: 0..467 the face mesh; then `RIM` points around it; then `FRINGE` points inside the mouth.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from talkingface.data.demo.points import EYES, LEFT_CORNER, LOWER_INNER, OVAL, RIGHT_CORNER, UPPER_INNER

MESH = 468
RIM = len(OVAL)
FRINGE_EDGES = [LEFT_CORNER, *UPPER_INNER, RIGHT_CORNER, LEFT_CORNER, *LOWER_INNER, RIGHT_CORNER]
"""Mesh points that the fringe continues: the upper lip's edge, then the lower lip's, left to right."""
FRINGE = len(FRINGE_EDGES)

Triangle = tuple[int, int, int]


def _strip(first: list[int], second: list[int]) -> list[Triangle]:
    """Triangles between two chains of as many points."""
    out = []
    for a, b, c, d in zip(first, first[1:], second, second[1:], strict=False):
        out += [(a, b, c), (b, d, c)]
    return [(a, b, c) for a, b, c in out if len({a, b, c}) == 3]


def mesh_triangles() -> list[Triangle]:
    """The 852 triangles of MediaPipe's face mesh, from its list of edges; eyes and mouth are open.

    Three points that are joined to each other are a triangle, unless each of their edges has two triangles already:
    then they only enclose some.
    """
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_TESSELATION

    joined: dict[int, set[int]] = {}
    for a, b in FACEMESH_TESSELATION:
        joined.setdefault(a, set()).add(b)
        joined.setdefault(b, set()).add(a)
    found = {tuple(sorted((a, b, c))) for a, b in FACEMESH_TESSELATION for c in joined[a] & joined[b]}
    sides: dict[tuple[int, ...], int] = {}
    for corners in found:
        for side in combinations(corners, 2):
            sides[side] = sides.get(side, 0) + 1
    return sorted((a, b, c) for a, b, c in found if min(sides[side] for side in combinations((a, b, c), 2)) <= 2)


def _eye_triangles() -> list[Triangle]:
    """Triangles that fill both eyes, between the upper and the lower lid."""
    out = []
    for eye in EYES:
        left, right = eye.corners
        out += _strip([left, *eye.upper, right], [left, *eye.lower, right])
    return out


def _rim_triangles() -> list[Triangle]:
    """Triangles between the face's contour and the rim."""
    rim = list(range(MESH, MESH + RIM))
    return _strip([*OVAL, OVAL[0]], [*rim, rim[0]])


def _fringe_triangles() -> list[Triangle]:
    """Triangles between the lips' edges and the fringe."""
    fringe = list(range(MESH + RIM, MESH + RIM + FRINGE))
    half = FRINGE // 2
    return _strip(FRINGE_EDGES[:half], fringe[:half]) + _strip(FRINGE_EDGES[half:], fringe[half:])


UNDER = len(_fringe_triangles())
"""How many of `all_triangles` are the fringe's: the first ones, which lie under the others."""


@lru_cache(maxsize=1)
def all_triangles() -> NDArray[np.int32]:
    """(K, 3) indices, the fringe's first."""
    return np.array([*_fringe_triangles(), *mesh_triangles(), *_eye_triangles(), *_rim_triangles()], np.int32)
