"""Look at a video file once: boxes, landmarks, crops, opening of the mouth, sound."""

# N frames, S side of the square crops

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from talkingface.evaluator.metrics.base import MeasuredVideo
from talkingface.generate.dubber import PadMode
from talkingface.utils.errors import MediaError
from talkingface.utils.face import Face, FaceDetector
from talkingface.utils.face.crop import crop
from talkingface.utils.face.follow import Pads, track
from talkingface.utils.face.landmarks import mouth_opening
from talkingface.utils.media.audio import read_audio
from talkingface.utils.media.mel import melspectrogram
from talkingface.utils.media.video import probe, read_frames

SAMPLE_RATE = 16000
LANDMARKS = 468


class Recorder(FaceDetector):
    """A face detector that passes on another's answers and keeps them, so that they need not be found again."""

    def __init__(self, detector: FaceDetector) -> None:
        self.detector = detector
        self.faces: list[Face | None] = []

    def reset(self) -> None:
        """Begin a new clip."""
        self.faces = []
        self.detector.reset()

    def detect(self, frame_bgr: np.ndarray) -> Face | None:
        """Return what the other detector finds."""
        self.faces.append(self.detector.detect(frame_bgr))
        return self.faces[-1]

    def close(self) -> None:
        """Nothing: the other detector stays its owner's."""


class Replay(FaceDetector):
    """A face detector that answers from a record of the same video, played forwards and backwards as the reader does.

    The reader plays frames 0 .. n-1, then n-2 .. 1, then 0 .. n-1 again.
    """

    def __init__(self, faces: list[Face | None]) -> None:
        self.faces = faces
        self.next = 0

    def reset(self) -> None:
        """Begin at the first frame."""
        self.next = 0

    def detect(self, frame_bgr: np.ndarray) -> Face | None:
        """Return the recorded face of the frame whose turn it is."""
        count = len(self.faces)
        place = self.next % max(2 * count - 2, 1)
        self.next += 1
        return self.faces[place if place < count else 2 * count - 2 - place]

    def close(self) -> None:
        """Nothing to free."""


def measure(
    path: Path,
    detector: FaceDetector,
    *,
    fps: float,
    crop_size: int,
    mel_pad_mode: PadMode,
    pads: Pads = (0, 0, 0, 0),
    window: int = 5,
    boxes: np.ndarray | None = None,
    size: tuple[int, int] | None = None,
    needs_sound: bool = True,
) -> MeasuredVideo:
    """Decode a video and measure every frame.

    Args:
        path: Video file with sound.
        detector: Used in tracking mode from the first frame on.
        fps: Constant rate at which the file is read.
        crop_size: Side of the crops.
        mel_pad_mode: `constant` or `reflect`, as the expert was trained.
        pads: Pixels added to boxes.
        window: Frames over which boxes are averaged.
        boxes: (K, 4) boxes at which to cut, NaN for none: those of the real video. None: the video's own.
        size: Width and height to which frames of another size are scaled.
        needs_sound: Whether a file without sound is refused; else its sound is taken as empty.

    Raises:
        MediaError: The file cannot be read, or has no sound and should.
    """
    seen_boxes, landmarks, crops = [], [], []
    frames = _scaled(read_frames(path, fps), size)
    nothing = np.full(4, np.nan, np.float32)
    for number, (frame, own_box, points) in enumerate(_faces(frames, detector, pads, window, boxes is not None)):
        box = own_box if boxes is None else (boxes[number] if number < len(boxes) else nothing)
        there = points is not None and box is not None and not np.isnan(box[0])
        seen_boxes.append(np.asarray(box, np.float32) if there else nothing)
        landmarks.append(points[:LANDMARKS] if there else np.full((LANDMARKS, 2), np.nan, np.float32))  # type: ignore[index]
        empty = np.zeros((crop_size, crop_size, 3), np.uint8)
        crops.append(crop(frame, np.asarray(box, np.int64), crop_size) if there else empty)
    if not crops:
        raise MediaError(f"{path}: no frame can be decoded; wanted a video")
    samples = read_audio(path, SAMPLE_RATE) if needs_sound or probe(path).has_audio else np.zeros(0, np.float32)
    stacked = np.stack(landmarks).astype(np.float32)
    return MeasuredVideo(
        path=path,
        fps=fps,
        boxes=np.stack(seen_boxes),
        landmarks=stacked,
        crops=np.stack(crops),
        opening=np.array([mouth_opening(one) if not np.isnan(one[0, 0]) else np.nan for one in stacked]),
        mel=melspectrogram(samples, mel_pad_mode) if len(samples) else np.zeros((80, 0), np.float32),
        envelope=_envelope(samples, fps, len(crops)),
    )


def _scaled(frames: Iterator[np.ndarray], size: tuple[int, int] | None) -> Iterator[np.ndarray]:
    for frame in frames:
        same = size is None or frame.shape[1::-1] == size
        yield frame if same else cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC)


Seen = tuple[np.ndarray, "np.ndarray | None", "np.ndarray | None"]


def _faces(
    frames: Iterator[np.ndarray], detector: FaceDetector, pads: Pads, window: int, landmarks_only: bool
) -> Iterator[Seen]:
    """Yield frame, box and landmarks; without smoothed boxes where only landmarks are wanted."""
    if landmarks_only:
        detector.reset()
        for frame in frames:
            face = detector.detect(frame)
            yield frame, None, None if face is None else face.landmarks
        return
    for one in track(frames, detector, pads=pads, window=window):
        yield one.frame, one.box, one.landmarks


def _envelope(samples: np.ndarray, fps: float, frames: int) -> np.ndarray:
    """Return float32 (frames,): root mean square of the sound over each frame."""
    edges = np.round(np.arange(frames + 1) / fps * SAMPLE_RATE).astype(int)
    total = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    edges = np.minimum(edges, len(samples))
    power = (total[edges[1:]] - total[edges[:-1]]) / np.maximum(np.diff(edges), 1)
    return np.sqrt(power).astype(np.float32)
