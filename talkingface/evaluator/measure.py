"""Look at a video file once: boxes, landmarks, crops, opening of the mouth, sound."""

# N frames, S side of the square crops

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from talkingface.evaluator.metrics.base import MeasuredVideo
from talkingface.utils.errors import MediaError
from talkingface.utils.face import FaceDetector
from talkingface.utils.face.crop import crop
from talkingface.utils.face.follow import FaceRecord, Pads, follow_face
from talkingface.utils.face.landmarks import mouth_opening
from talkingface.utils.media.audio import read_audio
from talkingface.utils.media.mel import PadMode, melspectrogram
from talkingface.utils.media.video import probe, read_frames

SAMPLE_RATE = 16000
LANDMARKS = 468


def measure(
    path: Path,
    detector: FaceDetector | FaceRecord,
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
        detector: Told that a new clip begins; or a new record, to which the faces found are then known.
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
    frames: Iterator[np.ndarray], detector: FaceDetector | FaceRecord, pads: Pads, window: int, landmarks_only: bool
) -> Iterator[Seen]:
    """Yield frame, box and landmarks; without steadied boxes where only landmarks are wanted."""
    record = detector if isinstance(detector, FaceRecord) else FaceRecord(detector)
    if landmarks_only:
        for number, frame in enumerate(frames):
            face = record.find(number, frame)
            yield frame, None, None if face is None else face.landmarks
        return
    for one in follow_face(enumerate(frames), record.find, window=window):
        yield one.frame, one.crop_box(pads) if one.found else None, one.landmarks if one.found else None


def _envelope(samples: np.ndarray, fps: float, frames: int) -> np.ndarray:
    """Return float32 (frames,): root mean square of the sound over each frame."""
    edges = np.round(np.arange(frames + 1) / fps * SAMPLE_RATE).astype(int)
    total = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    edges = np.minimum(edges, len(samples))
    power = (total[edges[1:]] - total[edges[:-1]]) / np.maximum(np.diff(edges), 1)
    return np.sqrt(power).astype(np.float32)
