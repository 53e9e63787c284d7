"""The S3FD detector through the optional package face-alignment, with a weights file given by the user."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from talkingface.utils.errors import MissingWeightsError
from talkingface.utils.face.detector import Face, FaceDetector

if TYPE_CHECKING:
    from numpy.typing import NDArray

SOURCE = "https://www.adrianbulat.com/downloads/python-fan/s3fd-619a316812.pth"


class SfdDetector(FaceDetector):
    """See `FaceDetector`; finds no landmarks. Much slower than the mesh without a GPU.

    Args:
        weights: the file s3fd-619a316812.pth.

    Raises:
        MissingWeightsError: the file or the package is not there.
    """

    def __init__(self, weights: str | None) -> None:
        if weights is None or not Path(weights).is_file():
            raise MissingWeightsError(
                f"face_detector_weights: the sfd detector needs s3fd-619a316812.pth, got {weights!r}: no file; "
                f"download it from {SOURCE}, put it into checkpoints/ and name it with --face_detector_weights=..."
            )
        try:
            module = importlib.import_module("face_alignment.detection.sfd")
        except ImportError as error:
            raise MissingWeightsError(
                "face_detector: sfd needs the optional package face-alignment; pip install face-alignment==1.5.0, "
                "or use --face_detector=mediapipe"
            ) from error
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
        self._network: Any = module.FaceDetector(device=device, path_to_detector=weights, verbose=False)
        self.reset()

    def reset(self) -> None:
        self._box: NDArray[np.float32] | None = None

    def close(self) -> None:
        self._network = None

    def detect(self, frame_bgr: NDArray[np.uint8]) -> Face | None:
        """Find the speaker's face in the clip's next frame, uint8 (H, W, 3) BGR."""
        found = self._network.detect_from_image(cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2RGB))
        boxes = np.array([entry[:4] for entry in found], dtype=np.float32).reshape(-1, 4)
        if not len(boxes):
            return None
        if self._box is None:
            best = int(np.argmax((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])))
        else:
            middles = (boxes[:, :2] + boxes[:, 2:]) / 2
            best = int(np.argmin(np.linalg.norm(middles - (self._box[:2] + self._box[2:]) / 2, axis=1)))
        self._box = boxes[best]
        return Face(box=boxes[best], landmarks=None)
