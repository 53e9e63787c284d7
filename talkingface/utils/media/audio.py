"""Reading speech as mono samples in step with the video, and writing WAV files."""

from __future__ import annotations

import os
import wave
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from talkingface.utils.errors import MediaError
from talkingface.utils.files import atomic_path
from talkingface.utils.media.source import PathLike, decodable, decode, open_media, reason_of
from talkingface.utils.media.video import MAX_GAP_SECONDS, start_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE_SECONDS = 0.03
"""Timestamps that differ from the running count by less are rounding, not a gap."""
MAX_START_SECONDS = 3600.0
"""Sound that begins later than this after the video is taken to begin with it: the timestamp is damaged."""


def read_audio(path: PathLike, sample_rate: int = 16000) -> NDArray[np.float32]:
    """Read the first audio track of a video or audio file.

    Sample 0 is what is heard when the video's first frame is shown: a track that begins later is padded with
    silence, one that begins earlier is cut. Gaps in the timestamps become silence. Channels are averaged.

    Args:
        path: any file that FFmpeg's libraries read.
        sample_rate: samples a second to return (resampled with soxr, high quality).

    Returns:
        float32 (n,) in [-1, 1], louder samples clipped.

    Raises:
        MediaError: the file is not readable, has no audio track, or nothing of it decodes.
    """
    with open_media(path) as container:
        if not container.streams.audio:
            raise MediaError(f"{os.fspath(path)!r}: has no audio track; wanted speech, give a file with sound")
        stream = decodable(container.streams.audio[0], path)
        origin = start_time(path) if container.streams.video else None
        rate, samples = _collect(container, stream, origin, path)
    if rate != sample_rate:
        import librosa

        samples = librosa.resample(samples, orig_sr=rate, target_sr=sample_rate, res_type="soxr_hq")
    return np.ascontiguousarray(samples, dtype=np.float32)


def write_wav(path: PathLike, samples: NDArray[np.float32], rate: int) -> None:
    """Write mono 16-bit PCM atomically.

    Args:
        path: file to write.
        samples: (n,) in [-1, 1]; louder ones are clipped.
        rate: samples a second.
    """
    pcm = np.clip(np.round(np.asarray(samples, dtype=np.float64) * 32767), -32768, 32767).astype("<i2")
    with atomic_path(path) as temporary, wave.open(str(temporary), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.tobytes())


def _collect(container: Any, stream: Any, origin: float | None, path: PathLike) -> tuple[int, NDArray[np.float32]]:
    """(samples a second of the track, its mono samples from `origin` on)."""
    import av

    pieces: list[NDArray[np.float32]] = []
    count, rate = 0, 0
    try:
        for block, block_rate, time in _blocks(decode(container, stream)):
            rate = rate or block_rate
            if block_rate != rate:  # a track that changes rate half-way: what came so far is used
                break
            origin = (time or 0.0) if origin is None else origin
            if time is not None:
                block, silence = _place(block, round((time - origin) * rate) - count, rate, first=not count)
                if silence:
                    pieces.append(np.zeros(silence, np.float32))
                    count += silence
            pieces.append(block)
            count += len(block)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"{os.fspath(path)!r}: its sound does not decode ({reason_of(error)})") from error
    if not count:
        raise MediaError(f"{os.fspath(path)!r}: its audio track is empty; give a file with sound")
    samples = np.concatenate(pieces)
    return rate, np.clip(np.nan_to_num(samples, copy=False, posinf=1, neginf=-1), -1, 1, out=samples)


def _place(block: NDArray[np.float32], lead: int, rate: int, *, first: bool) -> tuple[NDArray[np.float32], int]:
    """(what to append of the block, silence before it), where `lead` samples lie between the end so far and it."""
    if first:
        believable = lead <= MAX_START_SECONDS * rate
    else:
        believable = TOLERANCE_SECONDS * rate < abs(lead) <= MAX_GAP_SECONDS * rate
    if not believable:
        return block, 0
    return block[max(0, -lead) :], max(0, lead)


def _blocks(frames: Iterator[Any]) -> Iterator[tuple[NDArray[np.float32], int, float | None]]:
    """(mono float32 samples, samples a second, seconds on the file's clock or None) of each decoded frame."""
    import av

    resampler, kind, last = None, None, None
    for frame in frames:
        if last is not None:
            yield last
        this = (frame.format.name, frame.layout.name, frame.sample_rate)
        if this != kind:  # only the sample format is converted here: floats, one row a channel
            resampler, kind = av.AudioResampler(format="fltp", layout=frame.layout, rate=frame.sample_rate), this
        time = float(frame.pts * frame.time_base) if frame.pts is not None else None
        assert resampler is not None
        parts = [part.to_ndarray().mean(axis=0, dtype=np.float32) for part in resampler.resample(frame)]
        samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
        last = samples, frame.sample_rate, time
    if last is not None:  # encoders fill their last block up; its duration says how much of it is sound
        length = round(frame.duration * frame.time_base * frame.sample_rate) if frame.duration else len(last[0])
        yield last[0][:length], *last[1:]
