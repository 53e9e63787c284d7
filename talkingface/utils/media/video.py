"""Reading videos frame by frame, at a constant rate, in constant memory. `VideoWriter` is re-exported here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import cv2

from talkingface.utils.errors import MediaError
from talkingface.utils.media.frames import (
    display_size,
    display_turn,
    exact_rate,
    is_image,
    read_image,
    stream_rate,
    to_bgr,
)
from talkingface.utils.media.source import PathLike, decode, open_media, reason_of, video_stream
from talkingface.utils.media.writer import VideoWriter

if TYPE_CHECKING:
    from talkingface.utils.media.frames import Frame

__all__ = ["VideoInfo", "VideoWriter", "is_image", "probe", "read_frames", "read_image"]

MAX_GAP_SECONDS = 60.0
"""A longer jump between two timestamps is damage, not a pause."""
MAX_DECODER_THREADS = 4


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What a video is, as shown (display rotation and pixel shape applied)."""

    width: int
    height: int
    fps: float
    """The rate at which `read_frames(path)` gives frames."""
    frames: int
    """How many frames `read_frames(path)` will give, by the file's header; a damaged file gives fewer."""
    duration: float
    """Seconds, by the file's header."""
    has_audio: bool


def probe(path: PathLike) -> VideoInfo:
    """Look at a video: its header and its first frame.

    Raises:
        MediaError: it is not a readable video, or not one frame decodes; the message says why.
    """
    with open_media(path) as container:
        stream = video_stream(container, path)
        frame = next(_decoded(container, stream, path))
        width, height = display_size(frame, stream.sample_aspect_ratio)
        if display_turn(frame)[0] % 2:
            width, height = height, width
        fps = float(stream_rate(stream))
        if stream.duration is not None:
            duration = float(stream.duration * stream.time_base)
        elif container.duration is not None:
            duration = container.duration / 1e6
        else:
            duration = stream.frames / fps
        duration = max(duration, 1 / fps)
        return VideoInfo(
            width=width,
            height=height,
            fps=fps,
            frames=max(1, round(duration * fps)),
            duration=duration,
            has_audio=bool(container.streams.audio),
        )


def read_frames(path: PathLike, fps: float | Fraction | None = None) -> Iterator[Frame]:
    """Yield a video's frames as uint8 (H, W, 3) BGR, upright, with square pixels, at a constant rate.

    Frame k is the source frame nearest in time to k / fps seconds after the first frame; a source frame that
    stays on screen longer than its neighbours is repeated. Only a few frames are in memory at a time. A file that
    breaks off or has damaged parts gives what decodes. A single image gives one frame.

    Args:
        path: any file that FFmpeg's libraries read.
        fps: frames a second to give; None is the file's own rate (`VideoInfo.fps`), made constant.

    Raises:
        MediaError: it is not a readable video, or not one frame decodes; the message says why.
    """
    if is_image(path):
        yield read_image(path)
        return
    from av.video.reformatter import VideoReformatter

    with open_media(path) as container:
        stream = video_stream(container, path)
        own = stream_rate(stream)
        wanted = exact_rate(fps) if fps is not None else own
        reformatter, size, how = VideoReformatter(), None, None
        for frame, repeats in _resample(_timed(_decoded(container, stream, path), stream, own), float(wanted)):
            if not repeats:
                continue
            how = display_turn(frame) if how is None else how
            picture = to_bgr(frame, stream.sample_aspect_ratio, how, reformatter)
            size = size or (picture.shape[1], picture.shape[0])
            if (picture.shape[1], picture.shape[0]) != size:  # the stream changes size half-way
                picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
            for k in range(repeats):
                yield picture if k == repeats - 1 else picture.copy()


def start_time(path: PathLike) -> float | None:
    """Seconds on the file's clock at which its first decodable video frame is shown; None without a video."""
    with open_media(path) as container:
        try:
            stream = video_stream(container, path)
            frame = next(_decoded(container, stream, path))
        except MediaError:
            return None
        return float(frame.pts * frame.time_base) if frame.pts is not None else 0.0


def _decoded(container: Any, stream: Any, path: PathLike) -> Iterator[Any]:
    """Frames of the stream; MediaError where there is not one."""
    import av

    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = min(MAX_DECODER_THREADS, os.cpu_count() or 1)
    nothing = True
    try:
        for frame in decode(container, stream):
            nothing = False
            yield frame
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(
            f"{os.fspath(path)!r}: not one video frame decodes ({reason_of(error)}); the file is damaged"
        ) from error
    if nothing:
        raise MediaError(f"{os.fspath(path)!r}: has no video frames; the file is damaged or unfinished")


def _timed(frames: Iterator[Any], stream: Any, rate: Fraction) -> Iterator[tuple[Any, float, float]]:
    """(frame, seconds since the first frame, seconds it lasts); times never fall, damaged jumps are closed."""
    usual = 1 / float(rate)
    origin, last = None, -usual
    for frame in frames:
        at = float(frame.pts * frame.time_base) if frame.pts is not None else None
        if origin is None:
            origin = at or 0.0
        time = at - origin if at is not None else last + usual
        if time < last or time - last > MAX_GAP_SECONDS:
            origin += time - (last + usual)
            time = last + usual
        length = float(frame.duration * frame.time_base) if frame.duration else (time - last) or usual
        last = time
        yield frame, time, min(length, MAX_GAP_SECONDS)


def _resample(frames: Iterator[tuple[Any, float, float]], fps: float) -> Iterator[tuple[Any, int]]:
    """(frame, how many times it is shown) at a constant rate, each output taking the source nearest in time.

    A source frame gives way to the next half-way between the two, but not earlier than half an output frame
    before the next one's time: a long still picture stays until its end.
    """
    shown, previous = 0, None
    for frame, time, length in frames:
        if previous is not None:
            change = max((previous[1] + time) / 2, time - 0.5 / fps)
            until = _outputs_before(change, fps)
            yield previous[0], max(0, until - shown)
            shown = max(shown, until)
        previous = (frame, time, length)
    if previous is not None:
        total = max(1, round((previous[1] + previous[2]) * fps))
        yield previous[0], max(0, total - shown)


def _outputs_before(seconds: float, fps: float) -> int:
    """How many of the times 0, 1/fps, 2/fps, ... lie before `seconds`."""
    return max(0, int(-(-(seconds * fps - 1e-6) // 1)))
