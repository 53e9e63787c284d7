"""Small media files with known content, written with PyAV directly and so independently of the package's writer."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SIZE = (64, 48)
STEP = 5
"""Difference in grey level between one numbered frame and the next."""


def numbered(k: int, width: int = SIZE[0], height: int = SIZE[1]) -> np.ndarray:
    """A plain grey frame whose level tells its number."""
    return np.full((height, width, 3), 10 + STEP * k, np.uint8)


def number_of(frame: np.ndarray) -> int:
    return round((float(frame.mean()) - 10) / STEP)


def quadrants(width: int = 64, height: int = 48) -> np.ndarray:
    """Four plain quarters: blue, green, red, white (BGR)."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (200, 30, 30)
    picture[: height // 2, width // 2 :] = (30, 200, 30)
    picture[height // 2 :, : width // 2] = (30, 30, 200)
    picture[height // 2 :, width // 2 :] = (220, 220, 220)
    return picture


def write_video(
    path, frames, *, times_ms=None, fps=25, codec="libx264", pix_fmt="yuv420p", options=None, sar=None, sounds=()
):
    """Write frames at the given milliseconds (None: at a constant rate) and sounds.

    `sounds` are (samples (channels, n), rate, start in ms); each becomes a track.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            codec, rate=fps, options=options or {"crf": "4", "bf": "0"} if codec == "libx264" else {}
        )
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], pix_fmt
        stream.codec_context.time_base = Fraction(1, 1000)
        if sar:
            stream.codec_context.sample_aspect_ratio = Fraction(sar)
        tracks = [_track(container, *sound) for sound in sounds]
        for k, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="bgr24").reformat(format=pix_fmt)
            picture.pts = times_ms[k] if times_ms is not None else round(1000 * k / fps)
            picture.time_base = Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
        for track, samples, rate, start in tracks:
            for at in range(0, samples.shape[1], 1024):
                block = np.ascontiguousarray(samples[:, at : at + 1024], dtype=np.float32)
                part = av.AudioFrame.from_ndarray(block, format="fltp", layout=_layout(samples))
                part.sample_rate, part.time_base, part.pts = rate, Fraction(1, rate), at + round(start * rate / 1000)
                container.mux(track.encode(part))
            container.mux(track.encode(None))
    return Path(path)


def _layout(samples):
    return "mono" if len(samples) == 1 else "stereo"


def _track(container, samples, rate, start):
    track = container.add_stream("aac", rate=rate, layout=_layout(samples))
    track.bit_rate = min(128_000, 5 * rate) * len(samples)
    return track, samples, rate, start


def set_display_matrix(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Write (a, b, c, d), where a point goes to (a x + c y, b x + d y), into an mp4's first track header."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd")
    version = data[at + 4]
    start = at + 4 + (4 + 36 if version == 0 else 4 + 48)
    a, b, c, d = (value * 65536 for value in matrix)
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(bytes(data))


def speech_like(seconds: float, rate: int, seed: int = 0) -> np.ndarray:
    """(n,) float32: low-passed noise with a changing loudness, which correlates with itself at one lag only."""
    n = round(seconds * rate)
    rng = np.random.default_rng(seed)
    width = max(1, rate // 2000)
    noise = np.convolve(rng.standard_normal(n + width), np.ones(width) / width**0.5, "same")[:n]
    return (0.1 * noise * (1.2 + np.sin(np.arange(n) / rate * 9))).astype(np.float32)


def lag(heard: np.ndarray, given: np.ndarray) -> int:
    """Samples by which `heard` is later than `given`, by cross-correlation."""
    n = 1 << (len(heard) + len(given)).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, n) * np.conj(np.fft.rfft(given, n)), n)
    best = int(product.argmax())
    return best if best < n // 2 else best - n
