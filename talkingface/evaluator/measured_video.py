"""Measure a video file, decoded once: boxes, landmarks, crops, opening of the mouth, sound."""

# N frames, S side of the square crops, M mel bins (80), n mel steps

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from talkingface.utils.errors import MediaError, UserError
from talkingface.utils.face import FaceDetector
from talkingface.utils.face.crop import crop
from talkingface.utils.face.follow import FaceRecord, Pads, follow_face
from talkingface.utils.face.landmarks import mouth_opening
from talkingface.utils.media.audio import read_audio
from talkingface.utils.media.mel import MEL_BINS, SAMPLE_RATE, PadMode, melspectrogram
from talkingface.utils.media.video import probe, read_frames

DETECTOR = "mediapipe"
"""Who measures, whatever detector the data were prepared with: the metrics need its landmarks."""
CROP_SIZE = 128
"""Side of the crops that image metrics compare and the expert sees, the same for every model."""
LANDMARKS = 468
"""Points of the face mesh; a detector may add those of the irises."""


@dataclass(frozen=True, kw_only=True)
class MeasuredVideo:
    """What was found in one video file. Frames without a face, and those of a bridged gap, have no values."""

    path: Path
    fps: float
    boxes: np.ndarray
    """float32 (N, 4) x1, y1, x2, y2: where the crops were cut; NaN where no face was found."""
    landmarks: np.ndarray
    """float32 (N, 468, 2) pixels of the frame; NaN where no face was found."""
    crops: np.ndarray
    """uint8 (N, S, S, 3) BGR; zero where no face was found."""
    opening: np.ndarray
    """float64 (N,) opening of the mouth in interocular distances; NaN where no face was found."""
    mel: np.ndarray
    """float32 (M, n) of the file's own sound."""
    envelope: np.ndarray
    """float32 (N,) root mean square of the file's sound over each frame."""

    @property
    def present(self) -> np.ndarray:
        """bool (N,): frames with a face and a crop."""
        return ~np.isnan(self.boxes[:, 0])


@dataclass(frozen=True, kw_only=True)
class MeasureSettings:
    """How faces are cut and sound is heard, the same for every video of an evaluation."""

    mel_pad_mode: PadMode = "constant"
    """As the sync expert was trained."""
    pads: Pads = (0, 0, 0, 0)
    """Pixels added to boxes."""
    box_smoothing: int = 5
    """Frames over which boxes are averaged."""
    needs_sound: bool = True
    """Whether a video without sound is refused, or measured by its pictures alone."""


def measure_real_video(
    path: Path, detector: FaceDetector, settings: MeasureSettings
) -> tuple[MeasuredVideo, FaceRecord]:
    """Measure a real video at its own rate, and return the faces found as well, for dubbing it.

    Raises:
        UserError: It cannot be read, or has no face.
    """
    record = FaceRecord(detector)
    real = measure_video(path, record, settings, fps=probe(path).fps)
    if not real.present.any():
        raise UserError(f"{path}: no face was found in any frame")
    return real, record


def measure_video(
    path: Path,
    detector: FaceDetector | FaceRecord,
    settings: MeasureSettings,
    *,
    fps: float,
    boxes: np.ndarray | None = None,
    size: tuple[int, int] | None = None,
) -> MeasuredVideo:
    """Decode a video and measure every frame.

    Args:
        path: Video file, with sound where the settings want it.
        detector: Told that a new clip begins; or a new record, to which the faces found are then known.
        settings: See there.
        fps: Constant rate at which the file is read.
        boxes: (K, 4) boxes at which to cut, NaN for none: those of the real video. None: the video's own.
        size: Width and height to which frames of another size are scaled.

    Raises:
        MediaError: The file cannot be read, or has no sound and should.
    """
    record = detector if isinstance(detector, FaceRecord) else FaceRecord(detector)
    frames = _scaled(read_frames(path, fps), size)
    faces = _own_faces(frames, record, settings) if boxes is None else _faces_at(frames, record, boxes)
    nowhere, unseen = np.full(4, np.nan, np.float32), np.full((LANDMARKS, 2), np.nan, np.float32)
    empty = np.zeros((CROP_SIZE, CROP_SIZE, 3), np.uint8)
    found_boxes, found_landmarks, crops = [], [], []
    for frame, box, landmarks in faces:
        there = box is not None and landmarks is not None
        found_boxes.append(np.asarray(box, np.float32) if there else nowhere)
        found_landmarks.append(landmarks[:LANDMARKS] if landmarks is not None and there else unseen)
        crops.append(crop(frame, np.asarray(box, np.int64), CROP_SIZE) if there else empty)
    if not crops:
        raise MediaError(f"{path}: no frame can be decoded; wanted a video")
    heard = settings.needs_sound or probe(path).has_audio
    samples = read_audio(path, SAMPLE_RATE) if heard else np.zeros(0, np.float32)
    mesh = np.stack(found_landmarks).astype(np.float32)
    return MeasuredVideo(
        path=path,
        fps=fps,
        boxes=np.stack(found_boxes),
        landmarks=mesh,
        crops=np.stack(crops),
        opening=np.array([mouth_opening(one) if not np.isnan(one[0, 0]) else np.nan for one in mesh]),
        mel=melspectrogram(samples, settings.mel_pad_mode) if len(samples) else np.zeros((MEL_BINS, 0), np.float32),
        envelope=_envelope(samples, fps, len(crops)),
    )


Found = tuple[np.ndarray, "np.ndarray | None", "np.ndarray | None"]
"""Frame, box and landmarks of the face in it."""


def _scaled(frames: Iterator[np.ndarray], size: tuple[int, int] | None) -> Iterator[np.ndarray]:
    for frame in frames:
        same = size is None or frame.shape[1::-1] == size
        yield frame if same else cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC)


def _own_faces(frames: Iterator[np.ndarray], record: FaceRecord, settings: MeasureSettings) -> Iterator[Found]:
    """Cut at the video's own steadied boxes, where the face was found in the very frame."""
    for one in follow_face(enumerate(frames), record.find, window=settings.box_smoothing):
        yield one.frame, one.crop_box(settings.pads) if one.found else None, one.landmarks


def _faces_at(frames: Iterator[np.ndarray], record: FaceRecord, boxes: np.ndarray) -> Iterator[Found]:
    """Cut at given boxes, where there is one and the frame shows a face."""
    for number, frame in enumerate(frames):
        face = record.find(number, frame)
        box = boxes[number] if number < len(boxes) and not np.isnan(boxes[number, 0]) else None
        yield frame, box, None if face is None else face.landmarks


def _envelope(samples: np.ndarray, fps: float, frames: int) -> np.ndarray:
    """Return float32 (frames,): root mean square of the sound over each frame."""
    edges = np.round(np.arange(frames + 1) / fps * SAMPLE_RATE).astype(int)
    total = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    edges = np.minimum(edges, len(samples))
    power = (total[edges[1:]] - total[edges[:-1]]) / np.maximum(np.diff(edges), 1)
    return np.sqrt(power).astype(np.float32)
