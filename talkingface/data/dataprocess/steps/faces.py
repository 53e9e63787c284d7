"""Follow one face through a video: short gaps are bridged, boxes steadied, with only a few frames in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
Box = NDArray[np.float32]

MAX_GAP = 5
"""Frames without a face that are bridged; after a longer gap the frames are absent."""


def follow_face(
    frames: Iterable[Frame], detect: Callable[[Frame], Box | None], *, window: int, max_gap: int = MAX_GAP
) -> Iterator[tuple[Frame, Box | None]]:
    """Yield each frame with its box, in order.

    A gap of up to `max_gap` frames gets boxes between those at its two sides; frames of a longer one, and those
    before the first and after the last face, get none. Boxes are averages over up to `window` frames around theirs
    (fewer, but as many on either side, next to an end or a long gap).

    Args:
        frames: (H, W, 3) BGR.
        detect: (x1, y1, x2, y2) of a frame's face, or None.
        window: frames to average over; 1 or 2 turns it off.
    """
    half = (window - 1) // 2
    held: deque[Frame] = deque()
    boxes: list[Box | None] = []  # decided so far, from the first frame on
    undecided = 0
    lost = True  # no face yet, or none for long
    done = 0
    for frame in frames:
        held.append(frame)
        box = detect(frame)
        if box is not None:
            if undecided:
                boxes += _between(boxes[-1], box, undecided)
            boxes.append(box)
            undecided, lost = 0, False
        elif lost:
            boxes.append(None)
        else:
            undecided += 1
            if undecided > max_gap:
                boxes += [None] * undecided
                undecided, lost = 0, True
        while done + half < len(boxes):
            yield held.popleft(), _steady(boxes, done, half)
            done += 1
    boxes += [None] * undecided
    while held:
        yield held.popleft(), _steady(boxes, done, half)
        done += 1


def _between(before: Box | None, after: Box, count: int) -> list[Box | None]:
    assert before is not None, "a gap begins after a face"
    steps = np.linspace(0, 1, count + 2, dtype=np.float32)[1:-1]
    return [before + (after - before) * step for step in steps]


def _steady(boxes: list[Box | None], k: int, half: int) -> Box | None:
    """Mean of the boxes around k, as many on either side as there are without a break."""
    if boxes[k] is None:
        return None
    reach = 0
    while reach < half and k - reach - 1 >= 0 and k + reach + 1 < len(boxes):
        if boxes[k - reach - 1] is None or boxes[k + reach + 1] is None:
            break
        reach += 1
    return np.mean([box for box in boxes[k - reach : k + reach + 1] if box is not None], axis=0, dtype=np.float32)
