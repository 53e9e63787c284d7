"""Following one face: gaps, cuts, averages, order, how many frames are held, and faces recalled by their numbers."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.utils.face import Face
from talkingface.utils.face.follow import FaceRecord, follow_face

START = np.array([100, 40, 180, 150], np.float32)


def face_at(shift: float) -> Face:
    """A face of 80x110 px whose box and landmarks lie `shift` px further right than the first one's."""
    landmarks = np.tile(np.array([150 + shift, 100], np.float32), (468, 1))
    return Face(box=START + np.float32([shift, 0, shift, 0]), landmarks=landmarks)


def follow(shifts, **options):
    """Frames that are their own numbers; the shift of each one's face, None where there is no face."""
    frames = ((k, np.full((200, 300, 3), k, np.uint8)) for k in range(len(shifts)))
    faces = [None if shift is None else face_at(shift) for shift in shifts]
    out = list(follow_face(frames, lambda number, _: faces[number], **{"window": 1, **options}))
    assert [one.number for one in out] == [one.frame[0, 0, 0] for one in out] == list(range(len(shifts)))
    assert [one.found for one in out] == [shift is not None for shift in shifts]
    return out


def shifts_of(followed):
    return [None if one.box is None else float(one.box[0] - START[0]) for one in followed]


def test_short_gaps_are_bridged_and_long_ones_stay():
    assert shifts_of(follow([0, None, None, 3, 4])) == [0, 1, 2, 3, 4]
    assert shifts_of(follow([0, *[None] * 5, 6])) == [0, 1, 2, 3, 4, 5, 6]
    assert shifts_of(follow([0, *[None] * 6, 7])) == [0, *[None] * 6, 7]
    assert shifts_of(follow([0, None, 2, None, None, 5, *[None] * 6])) == [0, 1, 2, 3, 4, 5, *[None] * 6]
    assert shifts_of(follow([0, None, 2], max_gap=0)) == [0, None, 2]


def test_landmarks_of_a_bridged_gap_lie_between_those_of_its_sides():
    out = follow([0, None, None, 3])
    assert [float(one.landmarks[7, 0]) for one in out] == pytest.approx([150, 151, 152, 153])
    assert all(one.landmarks.shape == (468, 2) and one.landmarks.dtype == np.float32 for one in out)


def test_detectors_without_landmarks_are_bridged_too():
    boxes = [START, None, START + 2]
    find = lambda k, _: None if boxes[k] is None else Face(box=boxes[k], landmarks=None)  # noqa: E731
    out = list(follow_face(((k, np.zeros((9, 9, 3), np.uint8)) for k in range(3)), find))
    assert out[1].box is not None and all(one.landmarks is None for one in out)


def test_frames_before_the_first_and_after_the_last_face_have_none():
    assert shifts_of(follow([None, None, 2, 3, None])) == [None, None, 2, 3, None]
    assert shifts_of(follow([None] * 12)) == [None] * 12
    assert shifts_of(follow([])) == []


def test_a_gap_at_a_cut_is_not_bridged():
    assert shifts_of(follow([0, 0, None, None, 60, 60])) == [0, 0, None, None, 60, 60]
    moved = 80 * 7 / 13  # boxes of 80 px overlap by an IoU of 0.3 when shifted by 7/13 of their width
    assert shifts_of(follow([0, None, moved - 0.5]))[1] is not None
    assert shifts_of(follow([0, None, moved + 0.5]))[1] is None


def test_boxes_are_centred_means_that_narrow_at_ends_gaps_and_cuts():
    shifts = [0, 10, 0, 10, 0, 10, 0]
    wanted = [0, 10 / 3, 4, 6, 4, 10 / 3, 0]
    assert shifts_of(follow(shifts, window=5)) == pytest.approx(wanted, abs=1e-4)
    broken = follow([*shifts, *[None] * 6, *shifts], window=5)
    assert [s for s in shifts_of(broken) if s is not None] == pytest.approx([*wanted, *wanted], abs=1e-4)
    cut = follow([*shifts, *(s + 90 for s in shifts)], window=5)
    assert shifts_of(cut) == pytest.approx([*wanted, *(s + 90 for s in wanted)], abs=1e-4)


def test_bridged_frames_count_in_the_averages():
    whole = shifts_of(follow([0, 1, 2, 3, 4, 5, 6], window=5))
    assert shifts_of(follow([0, 1, None, None, 4, 5, 6], window=5)) == pytest.approx(whole)


@pytest.mark.parametrize("window", [1, 2, 3, 5, 8])
def test_against_a_plain_loop(window):
    rng = np.random.default_rng(window)
    shifts = rng.normal(0, 3, 40).cumsum().tolist()
    half = (window - 1) // 2
    wanted = []
    for i in range(40):
        reach = min(half, i, 39 - i)
        wanted.append(np.mean(shifts[i - reach : i + reach + 1]))
    assert shifts_of(follow(shifts, window=window)) == pytest.approx(wanted, abs=1e-3)


def test_steady_movement_is_not_delayed():
    assert shifts_of(follow(list(range(30)), window=5)) == pytest.approx(list(range(30)))


def test_the_crop_is_padded_and_inside_the_frame():
    (one,) = follow([0.4])
    assert one.crop_box().tolist() == [100, 40, 180, 150]
    assert one.crop_box((5, 100, 3, 4)).tolist() == [97, 35, 184, 200]
    with pytest.raises(ValueError, match="no face"):
        follow([None])[0].crop_box()


def test_only_a_few_frames_are_held():
    taken = 0

    def frames():
        nonlocal taken
        for number in range(300):
            taken += 1
            yield number, np.zeros((1, 1, 3), np.uint8)

    def most_waiting(find):
        nonlocal taken
        taken = 0
        return max(taken - given for given, _ in enumerate(follow_face(frames(), find, window=5), 1))

    assert most_waiting(lambda _n, _f: face_at(0)) == 2
    assert most_waiting(lambda _n, _f: None) == 0
    assert most_waiting(lambda number, _f: None if number % 7 < 3 else face_at(0)) <= 2 + 5


def test_a_still_picture_is_looked_at_once():
    looked = []

    def find(number, _frame):
        looked.append(number)
        return face_at(0)

    out = list(follow_face(((0, np.zeros((200, 300, 3), np.uint8)) for _ in range(20)), find))
    assert looked == [0] and all(one.found for one in out)


class Detector:
    """Finds faces whose shift is the frame's grey level, none in black frames; counts."""

    def __init__(self):
        self.calls = self.resets = 0

    def reset(self):
        self.resets += 1

    def detect(self, frame):
        self.calls += 1
        return face_at(int(frame[0, 0, 0])) if frame.any() else None


def test_a_record_recalls_faces_by_number_whatever_the_order():
    frames = [np.full((2, 2, 3), level, np.uint8) for level in (4, 0, 8, 6)]
    detector = Detector()
    record = FaceRecord(detector)
    first = list(follow_face(enumerate(frames), record.find))
    played = [3, 2, 1, 0, 2, 3]
    boxes = [record.recall(number, frames[number]) for number in played]
    assert [None if one is None else one.box[0] - START[0] for one in boxes] == [6, 8, None, 4, 8, 6]
    again = list(follow_face(enumerate(frames), record.recall))
    assert all(np.array_equal(one.box, other.box) for one, other in zip(first, again, strict=True))
    assert record.find(2, frames[2]) is boxes[1]
    assert (detector.calls, detector.resets) == (4, 1)


def test_a_frame_that_was_never_looked_at_is_not_made_up():
    with pytest.raises(ValueError, match="frame 7"):
        FaceRecord(Detector()).recall(7, np.zeros((2, 2, 3), np.uint8))
