"""Landmarks of MediaPipe's 468-point face mesh: which are used, what is measured on them, how a stream is steadied.

Streams are made whole and steady with only a few frames in memory. The published code averages in place, so that later
windows read averages instead of landmarks, leaves both ends as they are, and stops at a frame without a face.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numpy.typing import NDArray

UPPER_LIP, LOWER_LIP = 13, 14
"""Middle of the lips' inner edges: they touch when the mouth is closed."""
RIGHT_EYE_OUTER, RIGHT_EYE_INNER, LEFT_EYE_INNER, LEFT_EYE_OUTER = 33, 133, 362, 263
"""Eye corners; right and left are the person's own."""
CHIN, FOREHEAD = 152, 10
LIPS_OUTER = (
    61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146,
)  # fmt: skip
"""Outline of the lips, from the right corner over the upper lip."""
LIPS_INNER = (
    78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95,
)  # fmt: skip
"""Edge of the opening, from the right corner over the upper lip."""
MOUTH = LIPS_OUTER + LIPS_INNER
FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
"""Outline of the face, clockwise in the picture from the forehead."""


def mouth_opening(landmarks: NDArray[Any]) -> float:
    """Distance of the inner lips over the distance of the outer eye corners; about 0 closed, 0.3 wide open.

    Args:
        landmarks: (468, 2) or (468, 3), pixels.
    """
    gap = np.linalg.norm(landmarks[UPPER_LIP, :2] - landmarks[LOWER_LIP, :2])
    eyes = np.linalg.norm(landmarks[RIGHT_EYE_OUTER, :2] - landmarks[LEFT_EYE_OUTER, :2])
    return float(gap / max(float(eyes), 1e-6))


def mouth_points(landmarks: NDArray[Any]) -> NDArray[Any]:
    """(40, 2): the lips' outer, then inner outline."""
    return landmarks[list(MOUTH), :2]


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
