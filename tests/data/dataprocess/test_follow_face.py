"""Following one face: gaps, smoothing, order, and how many frames are held."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.data.dataprocess.steps.faces import follow_face


def follow(boxes, **options):
    """Run over frames that are their own numbers; boxes are given by number, None where there is no face."""
    frames = (np.full((1, 1, 3), k, np.uint8) for k in range(len(boxes)))
    detect = lambda frame: None if boxes[frame[0, 0, 0]] is None else np.full(4, boxes[frame[0, 0, 0]], np.float32)  # noqa: E731
    out = list(follow_face(frames, detect, **{"window": 1, **options}))
    assert [int(frame[0, 0, 0]) for frame, _ in out] == list(range(len(boxes)))
    return [None if box is None else float(box[0]) for _, box in out]


def test_short_gaps_are_bridged_and_long_ones_stay():
    assert follow([0, None, None, 3, 4]) == [0, 1, 2, 3, 4]
    assert follow([0, *[None] * 5, 6]) == [0, 1, 2, 3, 4, 5, 6]
    assert follow([0, *[None] * 6, 7]) == [0, *[None] * 6, 7]


def test_frames_before_the_first_and_after_the_last_face_have_none():
    assert follow([None, None, 2, 3, None]) == [None, None, 2, 3, None]
    assert follow([None] * 12) == [None] * 12
    assert follow([]) == []


def test_boxes_are_centred_means_that_narrow_at_breaks():
    boxes = [0, 10, 0, 10, 0, 10, 0]
    wanted = [0, 10 / 3, 4, 6, 4, 10 / 3, 0]
    assert follow(boxes, window=5) == pytest.approx(wanted)
    broken = [*boxes, *[None] * 6, *boxes]
    assert follow(broken, window=5) == pytest.approx([*wanted, *[None] * 6, *wanted])


def test_steady_movement_is_not_delayed():
    assert follow(list(range(30)), window=5) == pytest.approx(list(range(30)))


def test_only_a_few_frames_are_held():
    alive = 0
    most = 0

    class Frame:
        def __init__(self):
            nonlocal alive, most
            alive += 1
            most = max(most, alive)

        def __del__(self):
            nonlocal alive
            alive -= 1

    count = 0

    def detect(_):
        nonlocal count
        count += 1
        return None if count % 7 < 3 else np.zeros(4, np.float32)

    for _ in follow_face((Frame() for _ in range(300)), detect, window=5):
        pass
    assert most < 15
