"""Where the face is in each frame: detection, then boxes averaged over a short window, as a stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from talkingface.utils.face import FaceDetector
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


@dataclass
class _Seen:
    frame: np.ndarray
    box: np.ndarray | None
    landmarks: np.ndarray | None


def track(
    frames: Iterable[np.ndarray], detector: FaceDetector, *, pads: Pads = (0, 0, 0, 0), window: int = 5
) -> Iterator[TrackedFrame]:
    """Yield every frame with its smoothed box, at most `window` - 1 frames behind the input.

    A frame's box is the mean of its own and the next `window` - 1 boxes of the same run; the last frames of a run
    share the mean of its last `window` boxes. A run ends at a frame without a face and where the face jumps.

    Args:
        frames: uint8 (H, W, 3) BGR.
        detector: Already made; it is told that a new clip begins.
        pads: Pixels added to the box: top, bottom, left, right.
        window: Frames averaged; 1 leaves boxes as detected.
    """
    detector.reset()
    waiting: deque[_Seen] = deque()
    recent: deque[np.ndarray] = deque(maxlen=window)
    for frame in frames:
        face = detector.detect(frame)
        if face is None or (recent and _iou(recent[-1], face.box) < SAME_FACE_IOU):
            yield from _flush(waiting, recent, pads)
        if face is None:
            yield TrackedFrame(frame=frame, box=None, landmarks=None)
            continue
        waiting.append(_Seen(frame, face.box, face.landmarks))
        recent.append(np.asarray(face.box, dtype=np.float64))
        if len(waiting) == window:
            yield _settle(waiting.popleft(), recent, pads)
    yield from _flush(waiting, recent, pads)


def _flush(waiting: deque[_Seen], recent: deque[np.ndarray], pads: Pads) -> Iterator[TrackedFrame]:
    while waiting:
        yield _settle(waiting.popleft(), recent, pads)
    recent.clear()


def _settle(seen: _Seen, recent: deque[np.ndarray], pads: Pads) -> TrackedFrame:
    height, width = seen.frame.shape[:2]
    box = np.asarray(pad_and_clip(np.mean(recent, axis=0), pads, (height, width)), dtype=np.int64)
    if box[2] - box[0] < 2 or box[3] - box[1] < 2:
        return TrackedFrame(frame=seen.frame, box=None, landmarks=None)
    return TrackedFrame(frame=seen.frame, box=box, landmarks=seen.landmarks)


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    left_top, right_bottom = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    inter = float(np.prod(np.clip(right_bottom - left_top, 0, None)))
    union = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - inter
    return inter / union if union > 0 else 0.0
