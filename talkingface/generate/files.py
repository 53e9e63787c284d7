"""Frames of the face, for as long as the sound lasts: a still image repeated, or a video played on past its end.

Where the result goes: checks on the output path, then the encoder.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from typing import Literal

import numpy as np

from talkingface.utils.errors import MediaError
from talkingface.utils.media.video import VideoWriter, is_image, probe, read_frames, read_image

Loop = Literal["bounce", "restart"]
"""How a video goes on when the sound is longer: backwards and forwards without a jump, or from its start again."""

IMAGE_FPS = 25.0
"""Output rate of a still image."""
CHUNK_BYTES = 128 * 2**20
"""Most memory that playing backwards may take."""
MOST_PASSES = 32
"""Playing backwards decodes the video once for each chunk; videos that need more (longer than about one minute at
720p) start again instead."""


@dataclass(frozen=True, kw_only=True)
class FaceSource:
    """A face video or image and the constant rate at which it is played."""

    path: Path
    fps: float
    still: bool
    length: int
    """Frames of one pass, by the file's header."""

    def frames(self, count: int, loop: Loop = "bounce") -> Iterator[tuple[int, np.ndarray]]:
        """Yield exactly `count` times a frame's number in the file, from 0, and the frame, uint8 (H, W, 3) BGR.

        Args:
            count: Frames wanted; fewer than the video has ends early.
            loop: What follows the video's last frame.

        Raises:
            MediaError: The file cannot be read or holds no frame.
        """
        return islice(self._endless(loop), count)

    def _endless(self, loop: Loop) -> Iterator[tuple[int, np.ndarray]]:
        if self.still:
            yield from repeat((0, read_image(self.path)))
        while True:
            length = 0
            frame_bytes = 1
            for frame in read_frames(self.path, self.fps):
                yield length, frame
                length, frame_bytes = length + 1, frame.nbytes
            if length == 0:
                raise MediaError(f"{self.path}: no frame can be decoded; wanted a video; give another file")
            chunk = max(1, CHUNK_BYTES // frame_bytes)
            if loop == "bounce" and length <= MOST_PASSES * chunk:
                yield from self._backwards(length, chunk)

    def _backwards(self, length: int, chunk: int) -> Iterator[tuple[int, np.ndarray]]:
        """Yield frames length-2 .. 1 (both turning points are shown once), decoding `chunk` frames at a time."""
        for stop in range(length - 1, 1, -chunk):
            start = max(1, stop - chunk)
            held = list(islice(enumerate(read_frames(self.path, self.fps)), start, stop))
            while held:  # let go of each, so that two chunks are never held at once
                yield held.pop()


def open_face(path: str | Path) -> FaceSource:
    """Look at the file and return how it will be played.

    Raises:
        MediaError: No such file, or neither image nor video.
    """
    path = Path(path)
    if not path.is_file():
        raise MediaError(f"face {path}: no such file; wanted a video or an image of a face")
    if is_image(path):
        return FaceSource(path=path, fps=IMAGE_FPS, still=True, length=1)
    info = probe(path)
    return FaceSource(path=path, fps=info.fps, still=False, length=info.frames)


SAMPLE_RATE = 16000


def check_output(output: str | Path, inputs: tuple[Path, ...]) -> Path:
    """Return the path to write, its folder made.

    Raises:
        MediaError: It is one of the inputs, a folder, or its name does not end in .mp4.
    """
    path = Path(output)
    if path.suffix.lower() != ".mp4":
        raise MediaError(f"output {path}: wanted a name that ends in .mp4")
    if path.is_dir():
        raise MediaError(f"output {path}: is a folder; wanted the name of a video file")
    if any(path.resolve() == one.resolve() for one in inputs):
        raise MediaError(f"output {path}: is also an input and would be overwritten; give another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MediaError(f"output {path}: its folder cannot be made ({error.strerror}); give another place") from error
    return path


def open_writer(path: Path, *, fps: float, samples: np.ndarray, crf: int) -> VideoWriter:
    """Return the encoder: H.264 and AAC in mp4, the sound starting with the first frame.

    Args:
        path: A checked output path.
        fps: Constant frame rate.
        samples: float32 mono at 16 kHz.
        crf: x264 quality, lower is better.
    """
    return VideoWriter(path, fps=fps, audio=samples, sample_rate=SAMPLE_RATE, crf=crf)
