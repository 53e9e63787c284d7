"""Face detectors by name. detector.py says what one is."""

from __future__ import annotations

from talkingface.utils.errors import UserError
from talkingface.utils.face.detector import Face, FaceDetector

__all__ = ["Face", "FaceDetector", "make_detector"]


def make_detector(name: str, weights: str | None = None) -> FaceDetector:
    """Make a detector by name.

    Args:
        name: `mediapipe` (everything is inside the package) or `sfd` (S3FD, optional package and weights file).
        weights: the weights file, for `sfd`.

    Raises:
        UserError: an unknown name.
        MissingWeightsError: the package or the weights file is not there; says where to get it.
    """
    if name == "mediapipe":
        from talkingface.utils.face.mesh import MeshDetector

        return MeshDetector()
    if name == "sfd":
        from talkingface.utils.face.sfd import SfdDetector

        return SfdDetector(weights)
    raise UserError(f"face_detector: got {name!r}, wanted one of mediapipe, sfd")
