"""MediaPipe's face mesh behind the detector interface: a face of any size is found once, then tracked in a region."""

from __future__ import annotations

import importlib
import os
import warnings
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from talkingface.utils.errors import MissingWeightsError
from talkingface.utils.face.crop import stable_box
from talkingface.utils.face.detector import Face, FaceDetector
from talkingface.utils.logger import without_native_chatter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Box = NDArray[np.float32]
    Region = tuple[int, int, int, int]

CONFIDENCE = 0.5
REGION_SIZE = 2.5
"""Side of the tracked region over the box's longer side: little enough that the mesh's own detector sees the face."""
TIGHT_REGION_SIZE = 1.5
"""The same where a neighbour's face was taken instead."""
TILE = 640
"""Pixels; in frames longer than twice this, very small faces are looked for in overlapping tiles of at least this."""


class MeshDetector(FaceDetector):
    """See `FaceDetector`. The mesh tracks inside a region around the face, which moves when the face nears its edge.

    Raises:
        MissingWeightsError: mediapipe is not installed.
    """

    def __init__(self) -> None:
        self._solutions = load_solutions()
        self._mesh: Any = None
        self._finder: Any = None
        self._remembers = False  # whether the mesh would look where it saw a face last
        self.reset()

    def reset(self) -> None:
        self._box: Box | None = None
        self._region: Region | None = None
        self._shape: tuple[int, ...] = ()

    def close(self) -> None:
        for graph in (self._mesh, self._finder):
            if graph is not None:
                with without_native_chatter():
                    graph.close()
        self._mesh = self._finder = None

    def detect(self, frame_bgr: NDArray[np.uint8]) -> Face | None:
        """Find the speaker's face in the clip's next frame, uint8 (H, W, 3) BGR."""
        if frame_bgr.shape != self._shape:
            self.reset()
            self._shape = frame_bgr.shape
        face = self._track(frame_bgr) or self._find_again(frame_bgr) or self._find(frame_bgr)
        if face is None:
            self._region = None
        else:
            self._box = face.box
        return face

    def _track(self, frame: NDArray[np.uint8]) -> Face | None:
        """The face in the region where it was, followed by the mesh's own tracking."""
        if self._region is None or self._box is None or _leaves(self._box, self._region, frame.shape):
            return None
        return _same(self._mesh_in(frame, self._region), self._box)

    def _find_again(self, frame: NDArray[np.uint8]) -> Face | None:
        """The face near where it was, detected anew."""
        if self._box is None or self._region is None:
            return None
        return self._look(frame, self._box)

    def _find(self, frame: NDArray[np.uint8]) -> Face | None:
        """The face that is nearest to the last one, or the largest."""
        for candidate in self._rank(self._candidates(frame)):
            face = self._look(frame, candidate)
            if face is not None:
                return face
        height, width = frame.shape[:2]
        return self._mesh_in(frame, (0, 0, width, height), anew=True)

    def _rank(self, boxes: list[Box]) -> list[Box]:
        if self._box is None:
            return sorted(boxes, key=lambda box: -float((box[2] - box[0]) * (box[3] - box[1])))
        old = self._box
        return sorted(boxes, key=lambda box: float(np.hypot(*(_centre(box) - _centre(old)))))

    def _look(self, frame: NDArray[np.uint8], around: Box) -> Face | None:
        for size in (REGION_SIZE, TIGHT_REGION_SIZE):
            face = _same(self._mesh_in(frame, _region(around, size, frame.shape), anew=True), around)
            if face is not None:
                return face
        return None

    def _mesh_in(self, frame: NDArray[np.uint8], region: Region, anew: bool = False) -> Face | None:
        """Run the mesh on a region; `anew` forgets what it tracked."""
        x1, y1, x2, y2 = region
        rgb = cv2.cvtColor(frame[y1:y2, x1:x2], cv2.COLOR_BGR2RGB)  # the networks read RGB
        if self._mesh is None or (anew and self._remembers):
            with without_native_chatter():  # a new graph talks when it is made and when it first runs
                self._restart()
                found = self._mesh.process(rgb).multi_face_landmarks
        else:
            found = self._mesh.process(rgb).multi_face_landmarks
        self._remembers = bool(found)
        if not found:
            return None
        width, height = x2 - x1, y2 - y1
        points = np.array([(p.x * width + x1, p.y * height + y1, p.z * width) for p in found[0].landmark[:468]])
        self._region = region
        return Face(box=stable_box(points), landmarks=points[:, :2].astype(np.float32))

    def _restart(self) -> None:
        if self._mesh is not None:
            self._mesh.reset()
            return
        self._mesh = self._solutions.face_mesh.FaceMesh(
            static_image_mode=False,
            max_num_faces=1,
            refine_landmarks=False,
            min_detection_confidence=CONFIDENCE,
            min_tracking_confidence=CONFIDENCE,
        )

    def _candidates(self, frame: NDArray[np.uint8]) -> list[Box]:
        """Boxes of all faces in the frame; in large frames without any, in its tiles."""
        height, width = frame.shape[:2]
        boxes = self._detections(frame, (0, 0, width, height))
        if not boxes and max(height, width) >= 2 * TILE:
            side = max(TILE, max(height, width) // 4)
            for y in _tile_starts(height, side):
                for x in _tile_starts(width, side):
                    boxes += self._detections(frame, (x, y, min(x + side, width), min(y + side, height)))
        return boxes

    def _detections(self, frame: NDArray[np.uint8], region: Region) -> list[Box]:
        x1, y1, x2, y2 = region
        rgb = cv2.cvtColor(frame[y1:y2, x1:x2], cv2.COLOR_BGR2RGB)
        if self._finder is None:
            with without_native_chatter():
                self._finder = self._solutions.face_detection.FaceDetection(
                    model_selection=1, min_detection_confidence=CONFIDENCE
                )
                found = self._finder.process(rgb).detections
        else:
            found = self._finder.process(rgb).detections
        boxes = [detection.location_data.relative_bounding_box for detection in found or ()]
        width, height = x2 - x1, y2 - y1
        return [
            np.array(
                [
                    b.xmin * width + x1,
                    b.ymin * height + y1,
                    (b.xmin + b.width) * width + x1,
                    (b.ymin + b.height) * height + y1,
                ],
                dtype=np.float32,
            )
            for b in boxes
        ]


def load_solutions() -> Any:
    """MediaPipe's packaged graphs.

    Raises:
        MissingWeightsError: mediapipe is not installed.
    """
    for name in ("GLOG_minloglevel", "TF_CPP_MIN_LOG_LEVEL"):
        os.environ.setdefault(name, "2")
    warnings.filterwarnings("ignore", message="SymbolDatabase.GetPrototype", category=UserWarning)
    try:
        with without_native_chatter():
            return importlib.import_module("mediapipe").solutions
    except (ImportError, AttributeError) as error:
        raise MissingWeightsError(
            "face_detector: mediapipe with its models is not installed; pip install mediapipe==0.10.14"
        ) from error


def _centre(box: Box) -> NDArray[np.float32]:
    return (box[:2] + box[2:]) * np.float32(0.5)


def _same(face: Face | None, before: Box) -> Face | None:
    """The face, if its middle lies in the box where one was before (or the other way round)."""
    if face is None:
        return None
    here, there = _centre(face.box), _centre(before)
    inside = (before[:2] <= here).all() and (here <= before[2:]).all()
    around = (face.box[:2] <= there).all() and (there <= face.box[2:]).all()
    return face if inside and around else None


def _region(box: Box, size: float, shape: tuple[int, ...]) -> Region:
    """A square around a box, `size` times its longer side, cut at the frame's edges."""
    half = max(size * float(max(box[2] - box[0], box[3] - box[1])) / 2, 16.0)
    x, y = _centre(box)
    height, width = shape[:2]
    x1, y1 = (int(np.clip(v - half, 0, m - 2)) for v, m in ((x, width), (y, height)))
    x2, y2 = (int(np.clip(v + half, low + 2, m)) for v, low, m in ((x, x1, width), (y, y1, height)))
    return x1, y1, x2, y2


def _leaves(box: Box, region: Region, shape: tuple[int, ...]) -> bool:
    """Whether a face has come too near to an edge of its region, or is too small in it."""
    height, width = shape[:2]
    margin = 0.15 * float(max(box[2] - box[0], box[3] - box[1]))
    near = (
        (region[0] > 0 and box[0] - region[0] < margin)
        or (region[1] > 0 and box[1] - region[1] < margin)
        or (region[2] < width and region[2] - box[2] < margin)
        or (region[3] < height and region[3] - box[3] < margin)
    )
    large = max(region[2] - region[0], region[3] - region[1])
    return near or large > 2 * REGION_SIZE * float(max(box[2] - box[0], box[3] - box[1]))


def _tile_starts(length: int, side: int) -> list[int]:
    """Where tiles begin that cover a length and overlap by a quarter or more."""
    if length <= side:
        return [0]
    count = -(-(length - side) // (side * 3 // 4)) + 1
    return [round(k * (length - side) / (count - 1)) for k in range(count)]
