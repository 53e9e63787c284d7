"""Landmarks of face crops, by one face mesh that is made once: most of the published 19 ms a picture were for that."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import cv2
import numpy as np

from talkingface.utils.face.mesh import CONFIDENCE, load_solutions
from talkingface.utils.logger import without_native_chatter

if TYPE_CHECKING:
    from numpy.typing import NDArray

POINTS = 468


class CropMesh:
    """Finds the mesh of the one face that fills a crop; lips and eyes refined, as sketches need them.

    Args:
        tracking: look first where the face was in the crop before: nearly twice as fast, but points then depend on the
            crops before (some 2 px apart), and a run must begin with `reset`. Without it each crop gives the points
            that a new mesh would give.

    Raises:
        MissingWeightsError: mediapipe is not installed.
    """

    def __init__(self, *, tracking: bool = False) -> None:
        solutions = load_solutions()
        with without_native_chatter():
            self._mesh: Any = solutions.face_mesh.FaceMesh(
                static_image_mode=not tracking,
                max_num_faces=1,
                refine_landmarks=True,
                min_detection_confidence=CONFIDENCE,
                min_tracking_confidence=CONFIDENCE,
            )
            self._mesh.process(np.zeros((64, 64, 3), np.uint8))  # what it says, it says at its first picture

    def find(self, crop_bgr: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """(468, 2) x, y in shares of the crop, uint8 (H, W, 3) BGR; None where no face is found."""
        found = self._mesh.process(cv2.cvtColor(crop_bgr, cv2.COLOR_BGR2RGB)).multi_face_landmarks
        if not found:
            return None
        return np.array([(point.x, point.y) for point in found[0].landmark[:POINTS]], np.float32)

    def reset(self) -> None:
        """Forget the crops before."""
        self._mesh.reset()

    def close(self) -> None:
        """Free the graph."""
        with without_native_chatter():
            self._mesh.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
