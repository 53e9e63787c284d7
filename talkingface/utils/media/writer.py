"""Writing H.264 + AAC videos that play everywhere, frame by frame, in constant memory."""

from __future__ import annotations

import contextlib
import math
import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from talkingface.utils.errors import MediaError, UserError
from talkingface.utils.files import atomic_path
from talkingface.utils.media.frames import exact_rate, is_hd
from talkingface.utils.media.source import PathLike, reason_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkingface.utils.media.frames import Frame

AUDIO_BLOCK = 1024
MAX_CLOCK = 1_000_000
"""Ticks a second of the whole file; at this rate 32 bits hold an hour."""
KEYFRAME_SECONDS = 2


class VideoWriter:
    """Context manager that writes an mp4: H.264 yuv420p, AAC, index at the front.

    The file appears under its name on clean exit only; after an error nothing is left. Sizes are made even by
    repeating the last row or column. Colours are tagged BT.601 below 720 lines and BT.709 from there on, as
    players assume anyway, so what is read back has the colours that were written.

    Args:
        path: file to write; an existing one is replaced.
        fps: frames a second; the video lasts exactly (frames written) / fps.
        audio: float32 (n,) mono in [-1, 1], sample 0 heard with frame 0; written whole; None or empty is silent.
        sample_rate: samples a second of `audio`.
        crf: x264's quality; 18 looks lossless, 23 is its default, higher is smaller.
        preset: x264's effort.

    Raises:
        MediaError: the file cannot be written, or no frame was written.
    """

    def __init__(
        self,
        path: PathLike,
        *,
        fps: float | Fraction,
        audio: NDArray[np.float32] | None = None,
        sample_rate: int = 16000,
        crf: int = 18,
        preset: str = "veryfast",
    ) -> None:
        self._path = path
        self._rate = exact_rate(fps)
        if audio is not None and (audio.ndim != 1 or not np.isfinite(audio).all()):
            raise ValueError(f"audio: wanted finite samples of shape (n,), got shape {audio.shape}")
        self._audio = audio if audio is not None and len(audio) else None
        self._sample_rate, self._crf, self._preset = sample_rate, crf, preset
        self._container: Any = None
        self._size: tuple[int, int] | None = None
        self._frames = self._samples = 0

    def __enter__(self) -> VideoWriter:
        import av

        av.logging.set_level(None)
        self._atomic = atomic_path(self._path)
        try:
            self._temporary = self._atomic.__enter__()
        except UserError as error:
            raise MediaError(str(error)) from error
        try:
            # The file's clock counts frames and samples exactly, as far as it fits; its default is milliseconds.
            clock = math.lcm(self._rate.numerator, self._sample_rate)
            options = {
                "movflags": "+faststart",
                "movie_timescale": str(clock if clock <= MAX_CLOCK else self._rate.numerator),
            }
            # A name with "file:" before it is never read as a pattern or an address.
            self._container = av.open(f"file:{Path(self._temporary).absolute()}", "w", format="mp4", options=options)
        except (av.FFmpegError, OSError) as error:
            self._discard(error)
            raise self._failure(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        import av

        if error is not None:
            self._discard(error)
            return
        try:
            if not self._frames:
                raise MediaError(f"{os.fspath(self._path)!r}: no frame was written, so there is no video")
            self._write_audio(None)
            for stream in self._container.streams:
                self._container.mux(stream.encode(None))
            self._container.close()
        except BaseException as problem:
            self._discard(problem)
            if isinstance(problem, (av.FFmpegError, OSError)):
                raise self._failure(problem) from problem
            raise
        try:
            self._atomic.__exit__(None, None, None)
        except OSError as problem:
            raise self._failure(problem) from problem

    def write(self, frame: Frame) -> None:
        """Append one frame, uint8 (H, W, 3) BGR, of the same size as the first.

        Raises:
            ValueError: another shape or type than the first frame's.
            MediaError: it cannot be written (the disk is full, say).
        """
        import av
        from av.video.reformatter import Colorspace, Interpolation

        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise ValueError(f"frame: wanted uint8 (H, W, 3), got {frame.dtype} {frame.shape}")
        height, width = frame.shape[:2]
        if self._size is None:
            self._start(width, height)
        elif self._size != (width, height):
            raise ValueError(f"frame: wanted {self._size[0]}x{self._size[1]} as the first, got {width}x{height}")
        if width % 2 or height % 2:
            frame = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)  # type: ignore[assignment]
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="bgr24")
        picture = self._reformatter.reformat(
            picture,
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709 if self._hd else Colorspace.ITU601,
            interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND,
            threads=1,
        )
        picture.pts, picture.time_base = self._frames, 1 / self._rate
        try:
            self._container.mux(self._video.encode(picture))
            self._frames += 1
            self._write_audio(self._frames / self._rate)
        except (av.FFmpegError, OSError) as error:
            raise self._failure(error) from error

    def _start(self, width: int, height: int) -> None:
        from av.video.reformatter import VideoReformatter

        self._size, self._hd = (width, height), is_hd(width, height)
        self._reformatter = VideoReformatter()
        keyint = max(1, round(KEYFRAME_SECONDS * self._rate))
        options = {"crf": str(self._crf), "preset": self._preset, "g": str(keyint)}
        video = self._container.add_stream("libx264", rate=self._rate, options=options)
        video.width, video.height, video.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        video.codec_context.time_base = 1 / self._rate
        tag = 1 if self._hd else 6  # BT.709, or SMPTE 170M (BT.601)
        video.codec_context.color_primaries = video.codec_context.color_trc = video.codec_context.colorspace = tag
        video.codec_context.color_range = 1  # limited
        self._video = video
        if self._audio is not None:
            self._sound = self._container.add_stream("aac", rate=self._sample_rate, layout="mono")
            self._sound.bit_rate = min(128_000, 5 * self._sample_rate)

    def _write_audio(self, until: Fraction | None) -> None:
        """Encode the sound up to `until` seconds (None: to its end), so that the file is well interleaved."""
        import av

        if self._audio is None:
            return
        end = len(self._audio) if until is None else min(len(self._audio), int(until * self._sample_rate))
        while self._samples < end and (until is None or end - self._samples >= AUDIO_BLOCK):
            block = np.clip(self._audio[self._samples : self._samples + AUDIO_BLOCK], -1, 1).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(block[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = (
                self._sample_rate,
                self._samples,
                Fraction(1, self._sample_rate),
            )
            self._container.mux(self._sound.encode(frame))
            self._samples += len(block)

    def _failure(self, error: BaseException) -> MediaError:
        return MediaError(
            f"{os.fspath(self._path)!r}: cannot be written ({reason_of(error)}); check the folder and disk"
        )

    def _discard(self, error: BaseException) -> None:
        """Close what is open and remove the temporary file; `error` goes on being raised by the caller."""
        if self._container is not None:
            with contextlib.suppress(Exception):
                self._container.close()
        with contextlib.suppress(type(error)):
            self._atomic.__exit__(type(error), error, error.__traceback__)
