"""CSIM: is it still the same person, by a face-recognition network (SFace, Zhong et al. 2021, run by OpenCV)."""

# S side of the crops

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np

from talkingface.evaluator.measured_video import MeasuredVideo
from talkingface.evaluator.metrics.base import SPARSE, ClipPair, Metric, frames_of
from talkingface.utils.errors import MissingWeightsError
from talkingface.utils.face.crop import similarity
from talkingface.utils.weights import WeightsFile

SFACE = WeightsFile(
    name="face_recognition_sface_2021dec.onnx",
    source="https://github.com/opencv/opencv_zoo/tree/main/models/face_recognition_sface",
)
SIDE = 112
EYE_RIGHT, EYE_LEFT = (33, 133), (362, 263)
NOSE, MOUTH_RIGHT, MOUTH_LEFT = 1, 61, 291
TEMPLATE = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)
"""Where the network wants eyes, tip of the nose and corners of the mouth, left to right in the picture, pixels of 112;
the usual places of the face-recognition literature (Deng et al. 2019)."""


def aligned(video: MeasuredVideo, frame: int) -> np.ndarray:
    """Turn, scale and shift a frame's crop so that five points lie on the template; uint8 (112, 112, 3) BGR."""
    points = video.landmarks[frame].astype(np.float64)
    five = np.stack([
        points[list(EYE_RIGHT)].mean(axis=0), points[list(EYE_LEFT)].mean(axis=0),
        points[NOSE], points[MOUTH_RIGHT], points[MOUTH_LEFT],
    ])  # fmt: skip
    scale, rotation, shift = similarity(five, TEMPLATE)
    # crop pixels to frame pixels (a crop is stretched to a square), then frame pixels to the template
    box, crop = video.boxes[frame].astype(np.float64), video.crops[frame]
    stretch = np.diag((box[2:] - box[:2]) / crop.shape[0])
    matrix = np.column_stack([scale * rotation @ stretch, scale * rotation @ box[:2] + shift])
    return np.asarray(cv2.warpAffine(crop, matrix, (SIDE, SIDE)), np.uint8)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of two vectors."""
    a, b = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    return float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-12))


def load_sface(path: Path) -> Any:
    """OpenCV's recogniser with the published network.

    Raises:
        MissingWeightsError: the file is damaged or holds something else.
    """
    try:
        return cv2.FaceRecognizerSF.create(str(path), "")
    except cv2.error as error:
        raise MissingWeightsError(f"{path}: damaged, or no face-recognition network ({error.err})") from error


class CSIM(Metric):
    """Cosine of the SFace embeddings of generated and real face in the same frame, mean over every fifth frame.

    Both are aligned by their own landmarks; what lies outside the face crop is black.
    """

    name, title, unit, metric_type = "csim", "CSIM", "", "identity"
    perfect: ClassVar[float | None] = 1.0
    needs: ClassVar[tuple[WeightsFile, ...]] = (SFACE,)

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return a cosine, 1 for the same picture."""
        network = pair.networks.network(load_sface, SFACE)

        def embed(video: MeasuredVideo, frame: int) -> np.ndarray:
            face = aligned(video, frame)
            with pair.networks.lock:  # OpenCV's networks keep their last input and output
                return np.array(network.feature(face))

        values = [cosine(embed(pair.generated, i), embed(pair.real, i)) for i in frames_of(pair, SPARSE)]
        return float(np.mean(values)) if values else float("nan")
