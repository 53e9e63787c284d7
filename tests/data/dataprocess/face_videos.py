"""Small videos with a real face in them, or without."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from talkingface.utils.media.video import VideoWriter

FPS, RATE = 25, 16000


def face_frames(count: int, hidden: tuple[int, ...] = ()) -> list[np.ndarray]:
    """A photograph that moves a little; numbers in `hidden` are without it."""
    from skimage.data import astronaut

    photo = np.ascontiguousarray(astronaut()[0:256, 96:352, ::-1])  # RGB to BGR
    blank = np.full_like(photo, 128)
    return [blank if k in hidden else np.roll(photo, round(6 * np.sin(k / 5)), axis=1) for k in range(count)]


def plain_frames(count: int) -> list[np.ndarray]:
    return [np.full((128, 128, 3), 90, np.uint8)] * count


def speech(seconds: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)


def write_video(path: Path, frames: list[np.ndarray], sound: np.ndarray | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, fps=FPS, audio=sound, sample_rate=RATE) as video:
        for frame in frames:
            video.write(frame)
