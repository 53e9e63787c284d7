"""Decoded frames and still images as the pixels a viewer would see, and frame rates as exact fractions."""

from __future__ import annotations

import math
import os
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from talkingface.utils.errors import MediaError
from talkingface.utils.media.source import PathLike, open_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Frame = NDArray[np.uint8]

MAX_FPS = 120


def exact_rate(fps: float | Fraction) -> Fraction:
    """The fraction that a written rate means: 25 is 25, 29.97 is 30000/1001.

    Raises:
        ValueError: the rate is not above 0, or above 1000.
    """
    if not 0 < fps <= 1000:
        raise ValueError(f"fps: wanted more than 0 and at most 1000, got {fps}")
    television = Fraction(round(float(fps) * 1.001) * 1000, 1001)
    if television and abs(float(fps) - float(television)) < 0.005 and float(fps) != round(float(fps)):
        return television
    return max(Fraction(fps).limit_denominator(1001), Fraction(1, 1001))


def stream_rate(stream: Any) -> Fraction:
    """The rate that keeps what a video stream shows: its base rate where frames were only left out, else its average.

    Args:
        stream: `av.VideoStream`.

    Returns:
        Frames a second, 1 to 120.
    """
    average, base = stream.average_rate, stream.guessed_rate
    if base and base <= MAX_FPS and (not average or average <= base <= 2 * average or average > MAX_FPS):
        return max(Fraction(base), Fraction(1))
    rate = average or base or Fraction(25)
    return min(max(Fraction(rate), Fraction(1)), Fraction(MAX_FPS))


UNSPECIFIED = 2
"""AVCOL_SPC_UNSPECIFIED."""
HD_HEIGHT = 720
MAX_PIXEL_ASPECT = 4.0


def is_hd(width: int, height: int) -> bool:
    """Whether a picture without colour tags is taken as BT.709, as players do; below, it is BT.601."""
    return min(width, height) >= HD_HEIGHT


def display_size(frame: Any, sample_aspect_ratio: Any) -> tuple[int, int]:
    """(width, height) of a decoded frame with square pixels, before rotation; absurd ratios count as square."""
    ratio = float(sample_aspect_ratio or 1)
    if not 1 / MAX_PIXEL_ASPECT <= ratio <= MAX_PIXEL_ASPECT:
        ratio = 1.0
    return max(1, round(frame.width * ratio)), frame.height


def to_bgr(frame: Any, sample_aspect_ratio: Any, how: tuple[int, bool], reformatter: Any) -> Frame:
    """Turn a decoded frame into uint8 (H, W, 3) BGR as it is meant to be shown.

    Args:
        frame: `av.VideoFrame` of any format; alpha is dropped, more than 8 bits are rounded.
        sample_aspect_ratio: width over height of a pixel as the stream says; None is square.
        how: what `display_turn` found in the stream's first frame.
        reformatter: an `av.video.reformatter.VideoReformatter` to reuse between frames.
    """
    from av.video.reformatter import Colorspace, Interpolation

    width, height = display_size(frame, sample_aspect_ratio)
    unknown = frame.colorspace == UNSPECIFIED
    space = (Colorspace.ITU709 if is_hd(frame.width, frame.height) else Colorspace.ITU601) if unknown else None
    # Without these flags swscale darkens every channel by about 1 of 255 and copies chroma without interpolating.
    exact = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
    shown = reformatter.reformat(
        frame, width=width, height=height, format="bgr24", src_colorspace=space, interpolation=exact, threads=1
    )
    return turn(shown.to_ndarray(), how)


def display_turn(frame: Any) -> tuple[int, bool]:
    """(quarter turns clockwise, mirrored left-right before turning) from the frame's display matrix.

    To be asked once a stream: looking at a frame's side data ties the frame into a reference cycle, so that it stays
    in memory until the garbage collector comes by.
    """
    for item in frame.side_data:
        if getattr(item.type, "name", "") == "DISPLAYMATRIX":
            a, b, _, c, d = np.frombuffer(bytes(item), dtype=np.int32)[:5].tolist()
            mirrored = a * d - b * c < 0
            if mirrored:
                a, b = -a, -b
            return round(math.degrees(math.atan2(b, a)) / 90) % 4, mirrored
    return 0, False


def turn(picture: Frame, how: tuple[int, bool]) -> Frame:
    """Apply what `display_turn` found."""
    quarters, mirrored = how
    if mirrored:
        picture = cv2.flip(picture, 1)  # type: ignore[assignment]
    if quarters:
        picture = cv2.rotate(  # type: ignore[assignment]
            picture, (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE)[quarters - 1]
        )
    return np.ascontiguousarray(picture)


_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\x00", b"MM\x00*")


def is_image(path: PathLike) -> bool:
    """Whether the file is a still image (JPEG, PNG, BMP, TIFF, WebP).

    Raises:
        MediaError: it is not a readable file at all.
    """
    with open_file(path) as file:
        head = file.read(16)
    return head.startswith(_STARTS) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")


def read_image(path: PathLike) -> Frame:
    """Read an image as uint8 (H, W, 3) BGR, turned as its EXIF orientation says; alpha is dropped.

    Raises:
        MediaError: it is not a readable image.
    """
    with open_file(path) as file:
        data = np.frombuffer(file.read(), dtype=np.uint8)
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None:
        raise MediaError(f"{os.fspath(path)!r}: the image does not decode; it may be damaged")
    return picture  # type: ignore[return-value]
