"""Curves as SVG shapes in a box of 1000 by 100 that a page stretches.

Labels are text beside the box, so they stay readable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

WIDTH, HEIGHT = 1000, 100
MOST_POINTS = 400
"""Points of a line; more are drawn as means of neighbours."""
Place = Callable[[np.ndarray], np.ndarray]
"""Values to distances from the top."""
LOG_FROM = 15.0
"""Highest over lowest value from which a logarithmic scale shows more."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A curve to draw."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    """NaN breaks the line."""
    style: str
    """Class of the style sheet."""


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A label and its place."""

    text: str
    at: float
    """Percent of the box from the left or from the top."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What a page draws."""

    title: str
    paths: list[tuple[str, str, str]]
    """Name, class and SVG path of each line."""
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    area: str = ""
    """SVG path of a filled shape behind the lines."""
    seconds: float = 0.0
    """Length of the x axis where it is time that a video plays through."""


def chart(
    title: str,
    lines: Sequence[Line],
    *,
    x_end: float | None = None,
    y_from: float | None = None,
    unit: str = "",
    may_be_log: bool = False,
) -> Chart:
    """Scale lines to the box.

    Args:
        title: of the chart.
        lines: at least one with a finite point.
        x_end: right end of the axis; by default that of the longest line. The left end is 0.
        y_from: lower end of the axis; by default the lowest value.
        unit: behind the labels of the x axis.
        may_be_log: take a logarithmic y axis where all is positive and spreads far.
    """
    values = np.concatenate([np.asarray(one.y, dtype=np.float64) for one in lines])
    values = values[np.isfinite(values)]
    low, high = float(values.min()), float(values.max())
    log = may_be_log and low > 0 and high / low > LOG_FROM
    right = x_end or max(float(max(one.x)) for one in lines) or 1.0
    if y_from is not None:
        low = y_from
    margin = 0.05 * (high - low) or abs(high) * 0.1 or 1.0
    bottom, top = (low / 1.1, high * 1.1) if log else (low if y_from is not None else low - margin, high + margin)
    place = _place(bottom, top, log=log)
    paths = [(one.name, one.style, _path(*_thin(one), right, place)) for one in lines]
    y_values = _decades(bottom, top) if log else nice(bottom, top, 5)
    return Chart(
        title=title + (" (log)" if log else ""), paths=paths,
        x_ticks=[Tick(text=f"{_short(x)}{unit}", at=100 * x / right) for x in nice(0, right, 5)],
        y_ticks=[Tick(text=_short(y), at=float(place(np.array([y]))[0])) for y in y_values],
    )  # fmt: skip


def mirrored(loudness: np.ndarray) -> str:
    """Return the path of a waveform's outline about the middle; `loudness` (n,) is scaled to its largest value."""
    if not len(loudness) or not np.nanmax(loudness) > 0:
        return ""
    height = np.nan_to_num(loudness) / np.nanmax(loudness) * HEIGHT / 2
    x = np.linspace(0, WIDTH, len(height))
    upper = [f"{a:.1f} {HEIGHT / 2 - b:.1f}" for a, b in zip(x, height, strict=True)]
    lower = [f"{a:.1f} {HEIGHT / 2 + b:.1f}" for a, b in zip(x[::-1], height[::-1], strict=True)]
    return "M" + "L".join([*upper, *lower]) + "Z"


def nice(low: float, high: float, about: int) -> list[float]:
    """Return round numbers from `low` to `high`, about so many."""
    raw = (high - low) / about
    if not raw > 0:
        return [low]
    scale = 10 ** math.floor(math.log10(raw))
    step = next(m * scale for m in (1, 2, 5, 10) if m * scale >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _decades(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1, 2, 5) if high / low < 300 else (1,)
    return [value for power in powers for m in digits if low <= (value := m * 10.0**power) <= high]


def _place(bottom: float, top: float, *, log: bool) -> Place:
    def linear(y: np.ndarray) -> np.ndarray:
        return np.asarray(HEIGHT * (1 - (y - bottom) / (top - bottom)))

    def logarithmic(y: np.ndarray) -> np.ndarray:
        return np.asarray(HEIGHT * (1 - np.log(y / bottom) / math.log(top / bottom)))

    return logarithmic if log else linear


def _thin(line: Line) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(line.x, dtype=np.float64), np.asarray(line.y, dtype=np.float64)
    if len(x) <= MOST_POINTS:
        return x, y
    parts = np.array_split(np.arange(len(x)), MOST_POINTS)
    return np.array([x[part].mean() for part in parts]), np.array([y[part].mean() for part in parts])


def _path(x: np.ndarray, y: np.ndarray, right: float, place: Place) -> str:
    commands, pen = [], "M"
    for a, b in zip(x / right * WIDTH, place(y), strict=True):
        if not np.isfinite(b):
            pen = "M"
            continue
        commands.append(f"{pen}{a:.1f} {b:.2f}")
        pen = "L"
    return "".join(commands)


def _short(value: float) -> str:
    """`1k`, `0.02`, `25`."""
    if abs(value) >= 10000 and value % 1000 == 0:
        return f"{value / 1000:g}k"
    return f"{value:.6g}"
