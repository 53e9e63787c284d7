"""Landmarks of a stream of frames made whole and steady, with only a few frames in memory.

The published code averages in place, so that later windows read averages instead of landmarks, leaves both ends as
they are, and stops at a frame without a face.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Points = NDArray[np.float32]

REACH = 2
"""Frames before and after a frame over which its landmarks are averaged (T of the paper)."""
PATIENCE = 25
"""Frames that wait for landmarks at the start of a stream or in a long gap."""


def nearest_landmarks(found: Iterable[tuple[T, Points | None]]) -> Iterator[tuple[T, Points | None]]:
    """Give each frame without landmarks those of the frame nearest in time; of two equally near, the earlier one's.

    Of a gap only as many frames wait as have to, at most `PATIENCE`. None is left where nothing was found within that
    many frames of the start, or at all.
    """
    last: Points | None = None
    held: deque[T] = deque()  # frames without landmarks, after `since` others of the same gap
    since = 0
    for item, points in found:
        if points is None:
            held.append(item)
            while len(held) > PATIENCE or (last is not None and 0 < len(held) > since):
                yield held.popleft(), last
                since += 1
            continue
        for place in range(len(held)):
            back, forward = since + place + 1, len(held) - place
            yield held[place], points if last is None or forward < back else last
        held.clear()
        since = 0
        last = points
        yield item, points
    for item in held:
        yield item, last


def steady_landmarks(
    stream: Iterable[tuple[T, Points | None]], *, reach: int = REACH
) -> Iterator[tuple[T, Points | None]]:
    """Average landmarks over `reach` frames before and after each, as many on either side, so that nothing drifts.

    Next to an end of the stream, or to a frame without landmarks, the average is over fewer.

    Args:
        stream: frames with (N, 2) landmarks or None; the arrays are only read.
        reach: frames on either side; 0 passes everything through.
    """
    window: deque[tuple[T, Points | None]] = deque()
    now = 0  # place in the window of the frame whose turn it is
    for entry in stream:
        window.append(entry)
        if len(window) - 1 - now < reach:
            continue
        yield window[now][0], _average(window, now, reach)
        now += 1
        if now > reach:
            window.popleft()
            now -= 1
    for place in range(now, len(window)):
        yield window[place][0], _average(window, place, reach)


def _average(window: deque[tuple[T, Points | None]], place: int, reach: int) -> Points | None:
    middle = window[place][1]
    if middle is None:
        return None
    taken = [middle]
    for distance in range(1, reach + 1):
        if place < distance or place + distance >= len(window):
            break
        before, after = window[place - distance][1], window[place + distance][1]
        if before is None or after is None:
            break
        taken += [before, after]
    return np.mean(taken, axis=0, dtype=np.float32)
