"""The detectors on a photograph: sizes, several faces, none, and the stream of a clip."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from talkingface.utils.errors import MissingWeightsError, UserError
from talkingface.utils.face import make_detector
from talkingface.utils.face.crop import crop
from talkingface.utils.face.landmarks import CHIN, FOREHEAD, MOUTH


@pytest.fixture(scope="module")
def portrait():
    data = pytest.importorskip("skimage.data")
    return np.ascontiguousarray(data.astronaut()[:320, 60:380, ::-1])  # RGB to BGR


@pytest.fixture(scope="module")
def detector():
    pytest.importorskip("mediapipe")
    with make_detector("mediapipe") as made:
        yield made


@pytest.fixture(autouse=True)
def _new_clip(request):
    if "detector" in request.fixturenames:
        request.getfixturevalue("detector").reset()


def _place(portrait, side, at, shape=(720, 1280)):
    frame = np.full((*shape, 3), 90, np.uint8)
    small = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    frame[at[1] : at[1] + side, at[0] : at[0] + side] = small
    return frame


def test_box_holds_the_face_and_the_mouth_is_in_its_lower_half(detector, portrait):
    face = detector.detect(portrait)
    assert face is not None and face.landmarks.shape == (468, 2)
    assert face.box.dtype == face.landmarks.dtype == np.float32
    x1, y1, x2, y2 = face.box
    assert y1 < face.landmarks[FOREHEAD, 1] and face.landmarks[CHIN, 1] < y2
    assert face.landmarks[list(MOUTH), 1].min() > (y1 + y2) / 2
    assert x1 < face.landmarks[:, 0].mean() < x2
    assert crop(portrait, face.box, 96).shape == (96, 96, 3)


@pytest.mark.parametrize("side", [700, 240, 130])
def test_size_does_not_matter(detector, portrait, side):
    near = detector.detect(portrait)
    detector.reset()
    far = detector.detect(_place(portrait, side, (400, 15)))
    assert far is not None
    expected = near.box * side / 320 + np.array([400, 15, 400, 15])
    assert np.abs(far.box - expected).max() < 0.05 * (expected[3] - expected[1]) + 2


def test_very_small_face_in_a_large_frame(detector, portrait):
    assert detector.detect(_place(portrait, 160, (1500, 1300), (2160, 3840))) is not None


def test_no_face(detector):
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    assert detector.detect(noise) is None
    assert detector.detect(np.zeros((240, 320, 3), np.uint8)) is None


def test_largest_face_first_and_then_the_same_one(detector, portrait):
    def both(left, right):
        return np.hstack([_place(portrait, left, (60, 60), (600, 600)), _place(portrait, right, (60, 60), (600, 600))])

    for _ in range(3):
        assert detector.detect(both(200, 300)).box[0] > 600
    for side in (320, 380, 440):
        assert detector.detect(both(side, 300)).box[0] > 600
    assert detector.detect(np.zeros((600, 1200, 3), np.uint8)) is None
    assert detector.detect(both(440, 300)).box[0] > 600
    detector.reset()
    assert detector.detect(both(440, 300)).box[0] < 600


def test_face_is_followed_through_the_frame(detector, portrait):
    for x in range(0, 1000, 45):
        face = detector.detect(_place(portrait, 200, (x, 100)))
        assert face is not None and abs((face.box[0] + face.box[2]) / 2 - x - 100) < 40


def test_still_frames_give_a_still_box(detector, portrait):
    boxes = np.array([detector.detect(portrait).box for _ in range(10)])
    assert np.ptp(boxes[2:], axis=0).max() < 1.0


def test_nothing_is_printed(portrait, capfd):
    pytest.importorskip("mediapipe")
    with make_detector("mediapipe") as made:
        made.detect(portrait)
        made.reset()
        made.detect(portrait[:, ::-1].copy())
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_names_and_missing_weights(tmp_path):
    with pytest.raises(UserError, match="mediapipe, sfd"):
        make_detector("other")
    with pytest.raises(MissingWeightsError, match=r"s3fd-619a316812\.pth"):
        make_detector("sfd", str(tmp_path / "none.pth"))
