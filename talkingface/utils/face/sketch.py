"""What HyperLips's decoder reads and learns from: sketches of faces, and masks of their lips.

A sketch has the mesh's lines of lips, eyes, eyebrows, jaw and nose, white on black, in one channel: the published code
draws three equal ones and is twice as slow. A lip mask is the filled outline around the mouth, whose bounding box is
where lip losses look. `sketch_faces` sketches a stream of the Base's faces for the decoder.
"""

# N points, H/W pixels, S side of the working size

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import cv2
import numpy as np

from talkingface.utils.face.crop import crop
from talkingface.utils.face.landmarks import REACH, nearest_landmarks, steady_landmarks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Points = NDArray[np.float32]

THICKNESS = 6
"""Width of the lines, pixels, at every size of the picture, as published."""
BLUR = {128: 5, 256: 7, 512: 11}
"""Kernel that widens a sketch for training, by working size."""
VISIBLE = 0.15
"""Grey value from which a blurred pixel is white again: less than this, 8-bit arithmetic rounds to 0."""
LINES = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133),  # eyes and eyebrows of the person's right
    (33, 246, 161, 160, 159, 158, 157, 173, 133),
    (46, 53, 52, 65, 55),
    (70, 63, 105, 66, 107),
    (263, 249, 390, 373, 374, 380, 381, 382, 362),  # left
    (263, 466, 388, 387, 386, 385, 384, 398, 362),
    (276, 283, 282, 295, 285),
    (300, 293, 334, 296, 336),
    (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291),  # lips
    (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
    (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),
    (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
    (168, 6, 197, 195, 5, 4, 45, 220, 115, 48),  # nose
    (4, 275, 440, 344, 278),
    (389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,  # jaw, temple to temple
     152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162),
)  # fmt: skip
"""Points of MediaPipe's face mesh that a line joins, one after another."""
EDGES = tuple(edge for line in LINES for edge in pairwise(line))


def draw_sketch(points: NDArray[Any], height: int, width: int) -> Picture:
    """Draw a face's lines.

    Args:
        points: (N, 2) x, y in shares of the picture, N >= 468.
        height: of the picture.
        width: of the picture.

    Returns:
        (H, W) uint8, 0 or 255.
    """
    sketch = np.zeros((height, width), np.uint8)
    places = to_pixels(points, height, width).tolist()
    for a, b in EDGES:
        cv2.line(sketch, places[a], places[b], 255, THICKNESS)
    return sketch


def to_pixels(points: NDArray[Any], height: int, width: int) -> NDArray[np.int32]:
    """(N, 2) shares of the picture to the pixels that they lie in, as MediaPipe rounds."""
    places = np.floor(np.asarray(points)[:, :2] * (width, height))
    return np.minimum(places, (width - 1, height - 1)).astype(np.int32)


def widen_sketch(sketch: Picture, size: int) -> Picture:
    """The sketch as training sees it: at the working size, lines widened by a blur whose every trace is white.

    Args:
        sketch: (H, W) uint8, 0 or 255; what JPEG left around the lines counts as what it was.
        size: 128, 256 or 512.

    Returns:
        (S, S) uint8, 0 or 255. Agrees with the published pictures but for pixels at the lines' edges (under 1%).
    """
    lines = np.where(sketch > 127, np.uint8(255), np.uint8(0))
    if lines.shape != (size, size):
        lines = cv2.resize(lines, (size, size), interpolation=cv2.INTER_LINEAR)
    kernel = (BLUR[size], BLUR[size])
    blurred = cv2.GaussianBlur(lines.astype(np.float32), kernel, 0)
    return np.where(blurred > VISIBLE, np.uint8(255), np.uint8(0))


MOUTH_OUTLINE = (
    164, 167, 165, 92, 186, 57, 43, 106, 182, 83, 18, 313, 406, 335, 273, 287, 410, 322, 391, 393,
)  # fmt: skip
"""Points of MediaPipe's face mesh around the lips, a little outside them."""


def draw_mask(points: NDArray[Any], height: int, width: int) -> NDArray[np.uint8]:
    """Fill the mouth's outline.

    Args:
        points: (N, 2) x, y in shares of the picture, N >= 468.
        height: of the picture.
        width: of the picture.

    Returns:
        (H, W) uint8: 255 inside, 0 outside.
    """
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [to_pixels(points, height, width)[list(MOUTH_OUTLINE)]], 255)
    return mask


def resize_mask(mask: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The mask at the working size: pixels that lie inside it whole, whose bounding box is the lip losses'.

    Args:
        mask: (H, W) uint8; what JPEG left around the outline counts as what it was.
        size: side wanted.

    Returns:
        (S, S) uint8, 0 or 255.
    """
    inside = np.where(mask > 127, np.uint8(255), np.uint8(0))
    if inside.shape != (size, size):
        inside = cv2.resize(inside, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.where(inside == 255, np.uint8(255), np.uint8(0))


T = TypeVar("T")


class Mesh(Protocol):
    """Finds a crop's landmarks; `CropMesh` does."""

    def find(self, crop_bgr: Picture) -> Points | None:
        """(468, 2) x, y in shares of the crop."""


@dataclass(frozen=True, kw_only=True)
class Sketched(Generic[T]):
    """A face with its sketch."""

    item: T
    """What came with the face."""
    face: Picture
    """(side, side, 3) BGR."""
    sketch: Picture
    """(side, side), 0 or 255; black where no landmarks are near in time."""
    found: bool
    """Whether landmarks were found in this very face."""


def sketch_faces(
    faces: Iterable[tuple[T, Picture]], mesh: Mesh, *, side: int, reach: int = REACH, widen: bool = True
) -> Iterator[Sketched[T]]:
    """Sketch a stream of consecutive faces of the Base, each from steadied landmarks, a few frames behind the input.

    This is the one way from the Base to the decoder: see `talkingface.generate.synthesizer`.

    Args:
        faces: anything with a face, uint8 (s, s, 3) BGR of any size.
        mesh: finds landmarks.
        side: of the faces and sketches given back.
        reach: see `steady_landmarks`.
        widen: as sketches are in training.
    """

    def look() -> Iterator[tuple[tuple[T, Picture, bool], Points | None]]:
        for item, face in faces:
            fitted = fit(face, side)
            points = mesh.find(fitted)
            yield (item, fitted, points is not None), points

    for (item, face, found), points in steady_landmarks(nearest_landmarks(look()), reach=reach):
        yield Sketched(item=item, face=face, sketch=decoder_sketch(points, side, widen=widen), found=found)


def decoder_sketch(points: Points | None, side: int, *, widen: bool = True) -> Picture:
    """The sketch that the decoder reads, (side, side), of landmarks in shares of the crop; black without landmarks."""
    if points is None:
        return np.zeros((side, side), np.uint8)
    sketch = draw_sketch(points, side, side)
    return widen_sketch(sketch, side) if widen else sketch


def fit(picture: NDArray[Any], side: int) -> Picture:
    """A whole picture as a square, uint8 (side, side, 3), contiguous; as crops are resized."""
    height, width = picture.shape[:2]
    return np.ascontiguousarray(crop(picture, np.array([0, 0, width, height]), side))
