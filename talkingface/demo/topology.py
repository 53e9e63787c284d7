"""Which points of a face belong to what, and the triangles between them.

Indices: 0..467 are MediaPipe's face mesh; then come `RIM` points around it, then `FRINGE` points inside the mouth. The
triangles are the mesh's own, those that close the eyes, those out to the rim, and the fringe inside the lips.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Left to right in the picture, without the corners.
UPPER_INNER = [191, 80, 81, 82, 13, 312, 311, 310, 415]
LOWER_INNER = [95, 88, 178, 87, 14, 317, 402, 318, 324]
INNER_CORNERS = [78, 308]
UPPER_OUTER = [185, 40, 39, 37, 0, 267, 269, 270, 409]
LOWER_OUTER = [146, 91, 181, 84, 17, 314, 405, 321, 375]
OUTER_CORNERS = [61, 291]
# Between the inner and the outer contour of a lip.
UPPER_FLESH = [184, 74, 73, 72, 11, 302, 303, 304, 408, 183, 42, 41, 38, 12, 268, 271, 272, 407]
LOWER_FLESH = [77, 90, 180, 85, 16, 315, 404, 320, 307, 96, 89, 179, 86, 15, 316, 403, 319, 325]

INNER_LIPS = [*UPPER_INNER, *LOWER_INNER, *INNER_CORNERS]
UPPER_LIP = [*UPPER_INNER, *UPPER_FLESH, *UPPER_OUTER]
LOWER_LIP = [*LOWER_INNER, *LOWER_FLESH, *LOWER_OUTER]

OVAL = [
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
]  # fmt: skip
"""Contour of the face, clockwise from the top."""
BEARD = [
    93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323,
    366, 434, 432, 410, 391, 2, 165, 186, 212, 214, 137,
]  # fmt: skip
"""Outline of where a beard grows: along the jaw, then back over the cheeks and under the nose."""
CHIN = 152
NOSE_TIP = 1
NOSE = [1, 2, 4, 5, 19, 94, 98, 97, 326, 327, 48, 278, 64, 294, 49, 279, 220, 440, 45, 275, 44, 274, 115, 344, 131, 360]
"""The lower nose: tip, wings, base."""
LEFT_CORNER, RIGHT_CORNER = 78, 308
EYE_CORNERS = (33, 263)
"""Outer corners; their distance is the unit of length in these modules (`interocular`)."""
BROWS = [70, 63, 105, 66, 107, 55, 65, 52, 53, 46, 336, 296, 334, 293, 300, 285, 295, 282, 283, 276]


class Eye(NamedTuple):
    """One eye's contour, left to right."""

    upper: list[int]
    lower: list[int]
    """Pairs with `upper`: the two meet when the eye closes."""
    corners: tuple[int, int]

    @property
    def contour(self) -> list[int]:
        """All points, not in drawing order."""
        return [*self.upper, *self.lower, *self.corners]


EYES = (
    Eye([246, 161, 160, 159, 158, 157, 173], [7, 163, 144, 145, 153, 154, 155], (33, 133)),
    Eye([398, 384, 385, 386, 387, 388, 466], [382, 381, 380, 374, 373, 390, 249], (362, 263)),
)


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
