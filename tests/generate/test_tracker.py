"""Boxes are averaged as at preparation, never across a gap or a cut."""

from __future__ import annotations

import numpy as np

from talkingface.utils.face import Face
from talkingface.utils.face.crop import pad_and_clip
from talkingface.utils.face.follow import follow_face, track


class Scripted:
    def __init__(self, boxes):
        self.boxes = boxes

    def reset(self):
        self.answers = iter(self.boxes)

    def detect(self, frame):
        box = next(self.answers)
        return None if box is None else Face(box=np.asarray(box, np.float32), landmarks=None)


def run(boxes, **options):
    frames = [np.full((200, 300, 3), k, np.uint8) for k in range(len(boxes))]
    out = list(track(iter(frames), Scripted(boxes), **options))
    assert [one.frame[0, 0, 0] for one in out] == list(range(len(boxes)))
    return [one.box for one in out]


def wobbly(count, seed=0):
    rng = np.random.default_rng(seed)
    return np.array([100, 40, 180, 150]) + rng.normal(0, 4, (count, 4)).cumsum(axis=0) * 0.5


def test_without_gaps_it_is_the_preparations_average():
    boxes = wobbly(23)
    frames = [np.zeros((200, 300, 3), np.uint8)] * 23
    script = iter(boxes.astype(np.float32))
    wanted = [
        pad_and_clip(box, (0, 0, 0, 0), (200, 300)) for _, box in follow_face(frames, lambda _: next(script), window=5)
    ]
    assert np.array_equal(run(list(boxes), window=5), wanted)


def test_a_gap_and_a_cut_are_not_averaged_over():
    here, there = [100, 40, 180, 150], [10, 10, 60, 80]
    got = run([here] * 4 + [None] * 2 + [there] * 3 + [here] * 3, window=5)
    assert [None if box is None else box.tolist() for box in got] == [here] * 4 + [None] * 2 + [there] * 3 + [here] * 3


def test_one_frame_and_no_smoothing():
    assert run([[100, 40, 180, 150]], window=5)[0].tolist() == [100, 40, 180, 150]
    boxes = wobbly(5)
    assert np.array_equal(run(list(boxes), window=1), np.round(boxes).astype(int))


def test_pads_are_added_and_clipped():
    assert run([[100, 40, 180, 150]], pads=(5, 100, 3, 4))[0].tolist() == [97, 35, 184, 200]


def test_it_stays_close_behind_its_input():
    taken = 0

    def frames():
        nonlocal taken
        for _ in range(50):
            taken += 1
            yield np.zeros((200, 300, 3), np.uint8)

    for given, _ in enumerate(track(frames(), Scripted([[100, 40, 180, 150]] * 50), window=5), 1):
        assert taken - given <= 2
