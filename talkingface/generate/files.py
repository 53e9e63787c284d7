"""What dubbing reads and writes: frames for as long as the sound lasts, read ahead in a thread; sound; paths."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from talkingface.config.generating import Loop
from talkingface.utils.errors import MediaError
from talkingface.utils.media.audio import read_audio
from talkingface.utils.media.mel import SAMPLE_RATE
from talkingface.utils.media.video import is_image, probe, read_frames, read_image

AnyPath = str | os.PathLike[str]
Frame = NDArray[np.uint8]
"""(H, W, 3) BGR."""

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

    def frames(self, count: int, loop: Loop = "bounce") -> Iterator[tuple[int, Frame]]:
        """Yield exactly `count` frames, each with its number in the file, from 0: a repeated frame has the same one.

        Args:
            count: Frames wanted; fewer than the video has ends early.
            loop: What follows the video's last frame.

        Raises:
            MediaError: The file cannot be read or holds no frame.
        """
        return islice(self._endless(loop), count)

    def _endless(self, loop: Loop) -> Iterator[tuple[int, Frame]]:
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

    def _backwards(self, length: int, chunk: int) -> Iterator[tuple[int, Frame]]:
        """Yield frames length-2 .. 1 (both turning points are shown once), decoding `chunk` frames at a time."""
        for stop in range(length - 1, 1, -chunk):
            start = max(1, stop - chunk)
            held = list(islice(enumerate(read_frames(self.path, self.fps)), start, stop))
            while held:  # let go of each, so that two chunks are never held at once
                yield held.pop()


def open_face(path: AnyPath) -> FaceSource:
    """Look at a file and say how it will be played.

    Raises:
        MediaError: No such file, or neither image nor video.
    """
    path = user_path(path)
    if not path.is_file():
        raise MediaError(f"face {path}: no such file; wanted a video or an image of a face")
    if is_image(path):
        return FaceSource(path=path, fps=IMAGE_FPS, still=True, length=1)
    info = probe(path)
    return FaceSource(path=path, fps=info.fps, still=False, length=info.frames)


def read_sound(path: AnyPath) -> NDArray[np.float32]:
    """Read a sound file, or the sound of a video: float32 mono at 16 kHz, not empty.

    Raises:
        MediaError: No such file, not readable, or without sound.
    """
    path = user_path(path)
    if not path.is_file():
        raise MediaError(f"audio {path}: no such file; wanted a sound file or a video with sound")
    samples = read_audio(path, SAMPLE_RATE)
    if len(samples) == 0:
        raise MediaError(f"audio {path}: holds no sound; wanted at least one video frame's length")
    return samples


def check_output(output: AnyPath, inputs: tuple[AnyPath, ...]) -> Path:
    """Return the path to write; nothing is made yet, so that a plan can be checked.

    Raises:
        MediaError: It is one of the inputs, a folder, its name does not end in .mp4, or nothing can be written there.
    """
    path = user_path(output)
    if path.suffix.lower() != ".mp4":
        raise MediaError(f"output {path}: wanted a name that ends in .mp4")
    if path.is_dir():
        raise MediaError(f"output {path}: is a folder; wanted the name of a video file")
    if any(path.resolve() == user_path(one).resolve() for one in inputs):
        raise MediaError(f"output {path}: is also an input and would be overwritten; give another name")
    there = next(folder for folder in path.absolute().parents if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise MediaError(f"output {path}: {there} is no folder that can be written to; give another place")
    return path


def user_path(path: AnyPath) -> Path:
    """The path, with the user's home folder for `~`, which no shell has put into `--face=~/clip.mp4`."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # nobody's home
        return Path(path)


T = TypeVar("T")
_POLL_SECONDS = 0.2


def ahead(items: Iterable[T], depth: int) -> Generator[T, None, None]:
    """Yield the items, which a thread takes from their source up to `depth` in advance.

    What the source raises is raised here, in its place. Closing the generator ends the thread.
    """
    waiting: queue.Queue[tuple[str, T | BaseException | None]] = queue.Queue(max(depth, 1))
    stop = threading.Event()

    def put(kind: str, value: T | BaseException | None) -> None:
        while not stop.is_set():
            try:
                waiting.put((kind, value), timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for item in items:
                put("item", item)
                if stop.is_set():
                    return
            put("end", None)
        except BaseException as error:
            put("error", error)

    thread = threading.Thread(target=work, name="ahead", daemon=True)
    thread.start()
    try:
        while True:
            kind, value = waiting.get()
            if kind == "end":
                return
            if kind == "error":
                assert isinstance(value, BaseException)
                raise value
            yield value  # type: ignore[misc]
    finally:
        stop.set()
        thread.join()
