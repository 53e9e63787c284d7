"""Follow one face through a video: find it, bridge short gaps, steady its box; a stream with few frames in memory.

Preparation, dubbing and evaluation follow faces by this one function, so that all of them cut the same crops.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkingface.utils.face.crop import pad_and_clip
from talkingface.utils.face.detector import Face, FaceDetector

Frame = NDArray[np.uint8]
"""(H, W, 3) BGR."""
Box = NDArray[np.float32]
"""(4,) x1, y1, x2, y2 in pixels."""
Landmarks = NDArray[np.float32]
"""(468, 2) x, y in pixels of the frame."""
Pads = tuple[int, int, int, int]
"""Pixels added to a box: top, bottom, left, right."""
Find = Callable[[int, Frame], Face | None]
"""The face in a frame, given the frame's number in its source as well."""

MAX_GAP = 5
"""Frames without a face that are bridged."""
SAME_FACE_IOU = 0.3
"""Boxes of neighbouring faces that overlap less belong to another shot or another person."""


@dataclass(frozen=True, kw_only=True)
class FollowedFrame:
    """A frame of a video and where its face is."""

    number: int
    """Its number in the source."""
    frame: Frame
    box: Box | None
    """Steadied; neither padded nor clipped to the frame. None where there is no face."""
    landmarks: Landmarks | None
    """As found, or between those of both sides in a bridged gap; None without a face and from detectors of boxes."""
    found: bool
    """Whether the face was found in this very frame; False in a bridged gap and where there is no face."""

    def crop_box(self, pads: Pads = (0, 0, 0, 0)) -> NDArray[np.int64]:
        """The padded box in whole pixels inside the frame, (4,) x1, y1, x2, y2, at least 2x2; ends are exclusive.

        Raises:
            ValueError: there is no face.
        """
        if self.box is None:
            raise ValueError(f"frame {self.number} has no face")
        return pad_and_clip(self.box, pads, self.frame.shape)


def follow_face(
    frames: Iterable[tuple[int, Frame]], find: Find, *, window: int = 5, max_gap: int = MAX_GAP
) -> Iterator[FollowedFrame]:
    """Yield each frame with its face, in order; at most `max_gap` and half a window of frames wait.

    A gap of up to `max_gap` frames between two faces that overlap gets boxes and landmarks between those of its two
    sides. Frames of a longer gap, of one between faces that do not overlap (a cut), and those before the first and
    after the last face have none.

    A box is the mean of up to `window` boxes around its frame: fewer, but as many on either side, next to an end, a
    long gap or a jump, so that a moving head is neither led nor delayed. The published inference averages a frame's
    box and the next four, which leads it.

    Args:
        frames: numbers in the source and frames. A frame that follows itself, as of a still image, is looked at once.
        find: looks for the face in a frame; see `FaceRecord`.
        window: frames to average over; 1 or 2 leaves boxes as they were found.
        max_gap: longest gap that is bridged, frames; 0 bridges none.
    """
    half = max(window - 1, 0) // 2
    run = _Run(half)
    gap: list[tuple[int, Frame]] = []  # frames after the run's last face, as long as the run may go on
    looked_at: int | None = None
    face: Face | None = None
    for number, frame in frames:
        if number != looked_at:
            face, looked_at = find(number, frame), number
        if face is None:
            over = run.last is None or len(gap) == max_gap
        else:
            over = run.last is not None and box_iou(run.last.box, face.box) < SAME_FACE_IOU
        if over:
            yield from run.finish()
            yield from (_without_face(*one) for one in gap)
            run, gap = _Run(half), []
        if face is not None:
            yield from run.bridge(gap, face)
            yield from run.add(number, frame, face)
            gap = []
        elif run.last is None:
            yield _without_face(number, frame)
        else:
            gap.append((number, frame))
    yield from run.finish()
    yield from (_without_face(*one) for one in gap)


class _Run:
    """Consecutive frames with one face: those that wait for later boxes, and the boxes of a window."""

    def __init__(self, half: int) -> None:
        self.half = half
        self.count = 0
        self.last: Face | None = None
        """The face found last."""
        self.boxes: deque[Box] = deque(maxlen=2 * half + 1)
        self.waiting: deque[tuple[int, Frame, Landmarks | None, bool]] = deque()

    def add(self, number: int, frame: Frame, face: Face, *, found: bool = True) -> Iterator[FollowedFrame]:
        """Take the next frame and yield the one whose box is settled by it, if any."""
        self.last = face if found else self.last
        self.boxes.append(np.asarray(face.box, np.float32))
        self.waiting.append((number, frame, face.landmarks, found))
        self.count += 1
        if len(self.waiting) > self.half:
            yield self._settle()

    def bridge(self, gap: list[tuple[int, Frame]], after: Face) -> Iterator[FollowedFrame]:
        """Take the frames between the face found last and the next one, their faces in between."""
        steps = np.linspace(0, 1, len(gap) + 2, dtype=np.float32)[1:-1]
        for (number, frame), step in zip(gap, steps, strict=True):
            assert self.last is not None, "a gap begins after a face"
            yield from self.add(number, frame, _between(self.last, after, step), found=False)

    def finish(self) -> Iterator[FollowedFrame]:
        """Yield what waits: no more frames will come."""
        while self.waiting:
            yield self._settle()

    def _settle(self) -> FollowedFrame:
        later = len(self.waiting) - 1
        reach = min(self.half, later, self.count - 1 - later)
        place = len(self.boxes) - 1 - later
        near = [self.boxes[i] for i in range(place - reach, place + reach + 1)]
        number, frame, landmarks, found = self.waiting.popleft()
        box = np.asarray(np.mean(near, axis=0, dtype=np.float32))
        return FollowedFrame(number=number, frame=frame, box=box, landmarks=landmarks, found=found)


def _between(before: Face, after: Face, step: np.float32) -> Face:
    """The face at a share of the way from one to the other; with landmarks where both have them."""
    one, other = np.asarray(before.box, np.float32), np.asarray(after.box, np.float32)
    landmarks = None
    if before.landmarks is not None and after.landmarks is not None:
        landmarks = before.landmarks + (after.landmarks - before.landmarks) * step
    return Face(box=one + (other - one) * step, landmarks=landmarks)


def _without_face(number: int, frame: Frame) -> FollowedFrame:
    return FollowedFrame(number=number, frame=frame, box=None, landmarks=None, found=False)


def box_iou(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Intersection over union of two boxes x1, y1, x2, y2."""
    left_top, right_bottom = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    inter = float(np.prod(np.clip(right_bottom - left_top, 0, None)))
    union = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - inter
    return inter / union if union > 0 else 0.0


class FaceRecord:
    """What a detector finds in each frame of one video, by the frame's number, to be recalled later.

    Faces belong to numbers and not to the order of calls, so a video may be played on in any way when they are
    recalled. The detector is reset here and used by `find` alone; `recall` needs none, and may run in another thread
    once the video has been followed to its end.
    """

    def __init__(self, detector: FaceDetector) -> None:
        detector.reset()
        self._detector = detector
        self._faces: dict[int, Face | None] = {}

    def find(self, number: int, frame: Frame) -> Face | None:
        """The frame's face: from memory, else as the detector finds it, and remembered."""
        if number not in self._faces:
            self._faces[number] = self._detector.detect(frame)
        return self._faces[number]

    def recall(self, number: int, frame: Frame) -> Face | None:
        """The frame's face from memory alone; the picture is not looked at.

        Raises:
            ValueError: this frame was never looked at.
        """
        if number not in self._faces:
            raise ValueError(f"frame {number} is not in the record, which has {len(self._faces)} frames")
        return self._faces[number]
