"""What HyperLips's second stage reads: the first stage's face at 128 px and a sketch of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np

from talkingface.utils.face.crop import crop
from talkingface.utils.face.sketch import draw_sketch, widen_sketch
from talkingface.utils.face.steady import REACH, nearest_landmarks, steady_landmarks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Points = NDArray[np.float32]

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
    """Sketch a stream of consecutive faces, each from steadied landmarks, a few frames behind the input.

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
        yield Sketched(item=item, face=face, sketch=stage_sketch(points, side, widen=widen), found=found)


def stage_sketch(points: Points | None, side: int, *, widen: bool = True) -> Picture:
    """The sketch of landmarks in shares of the crop, (side, side); black without landmarks."""
    if points is None:
        return np.zeros((side, side), np.uint8)
    sketch = draw_sketch(points, side, side)
    return widen_sketch(sketch, side) if widen else sketch


def fit(picture: NDArray[Any], side: int) -> Picture:
    """A whole picture as a square, uint8 (side, side, 3), contiguous; as crops are resized."""
    height, width = picture.shape[:2]
    return np.ascontiguousarray(crop(picture, np.array([0, 0, width, height]), side))
