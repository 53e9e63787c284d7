"""Indices of the 468 face mesh points that the demo moves, grouped by what they belong to."""

from __future__ import annotations

from typing import NamedTuple

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
