"""Frame rates as exact fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

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
