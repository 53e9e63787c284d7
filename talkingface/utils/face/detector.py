"""What a face detector is: frames in one after another, one face or none out."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Face:
    """One face in one frame."""

    box: NDArray[np.float32]
    """(4,) x1, y1, x2, y2 in pixels, not clipped to the frame: forehead to below the chin, cheek to cheek."""
    landmarks: NDArray[np.float32] | None
    """(468, 2) x, y in pixels, the points of MediaPipe's face mesh; None where the detector has none."""


class FaceDetector(Protocol):
    """Finds the face of one clip's speaker, frame by frame; keeps no frames.

    Of several faces it takes the one nearest to where the face was before, at first the largest. Detectors that extend
    this class are closed at the end of a `with` block.
    """

    def detect(self, frame_bgr: NDArray[np.uint8]) -> Face | None:
        """Find the face in the clip's next frame, uint8 (H, W, 3) BGR."""
        ...

    def reset(self) -> None:
        """Forget the clip; the next frame belongs to another one."""
        ...

    def close(self) -> None:
        """Free what the detector holds."""
        ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
