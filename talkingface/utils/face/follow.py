"""Where the face is in each frame: detection, then boxes averaged over a short window, as a stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from talkingface.utils.face import Face, FaceDetector
from talkingface.utils.face.crop import pad_and_clip

SAME_FACE_IOU = 0.3
"""Boxes of neighbouring frames that overlap less belong to another shot: they are not averaged together."""

Pads = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class TrackedFrame:
    """One frame and the face in it; `box` is None where no face was found."""

    frame: np.ndarray
    """uint8 (H, W, 3) BGR."""
    box: np.ndarray | None
    """int (4,) x1, y1, x2, y2: smoothed, padded, inside the frame."""
    landmarks: np.ndarray | None
    """float32 (468, 2) pixels of the frame, not smoothed."""


class _Run:
    """Neighbouring frames with one face: holds the frames that wait for later boxes, and the last `window` boxes."""

    def __init__(self, half: int, pads: Pads) -> None:
        self.half, self.pads = half, pads
        self.count = 0
        self.boxes: deque[np.ndarray] = deque(maxlen=2 * half + 1)
        self.waiting: deque[tuple[np.ndarray, np.ndarray | None]] = deque()

    def add(self, frame: np.ndarray, face: Face) -> Iterator[TrackedFrame]:
        """Take the next frame and yield the one whose box is settled by it, if any."""
        self.boxes.append(np.asarray(face.box, dtype=np.float32))
        self.waiting.append((frame, face.landmarks))
        self.count += 1
        if len(self.waiting) > self.half:
            yield self._settle()

    def finish(self) -> Iterator[TrackedFrame]:
        """Yield what waits: no more frames will come."""
        while self.waiting:
            yield self._settle()

    def _settle(self) -> TrackedFrame:
        later = len(self.waiting) - 1
        number = self.count - 1 - later
        reach = min(self.half, number, later)
        place = len(self.boxes) - 1 - later
        near = [self.boxes[i] for i in range(place - reach, place + reach + 1)]
        frame, landmarks = self.waiting.popleft()
        box = pad_and_clip(np.stack(near).mean(axis=0), self.pads, frame.shape)
        return TrackedFrame(frame=frame, box=box, landmarks=landmarks)


def track(
    frames: Iterable[np.ndarray],
    detector: FaceDetector,
    *,
    pads: Pads = (0, 0, 0, 0),
    window: int = 5,
    still: bool = False,
) -> Iterator[TrackedFrame]:
    """Yield every frame with its smoothed box, at most half a window behind the input.

    A frame's box is the mean of the `window` boxes around it, as at preparation (fewer, but as many on either side,
    next to the ends of a run), so that crops are cut as in training. A run ends at a frame without a face and where
    the face jumps. The published inference averages a frame's box and the next four, which leads a moving head.

    Args:
        frames: uint8 (H, W, 3) BGR.
        detector: Already made; it is told that a new clip begins.
        pads: Pixels added to the box: top, bottom, left, right.
        window: Frames averaged; 1 or 2 leaves boxes as detected.
        still: All frames are one picture, so the face is looked for once.
    """
    detector.reset()
    half = max(window - 1, 0) // 2
    run = _Run(half, pads)
    face: Face | None = None
    for number, frame in enumerate(frames):
        if number == 0 or not still:
            face = detector.detect(frame)
        if face is None or (run.boxes and box_iou(run.boxes[-1], face.box) < SAME_FACE_IOU):
            yield from run.finish()
            run = _Run(half, pads)
        if face is None:
            yield TrackedFrame(frame=frame, box=None, landmarks=None)
        else:
            yield from run.add(frame, face)
    yield from run.finish()


def box_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes x1, y1, x2, y2."""
    left_top, right_bottom = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    inter = float(np.prod(np.clip(right_bottom - left_top, 0, None)))
    union = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - inter
    return inter / union if union > 0 else 0.0
