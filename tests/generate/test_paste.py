"""Only the mouth region changes, without a visible edge."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from talkingface.generate.paste import JAW, PasteOptions, paste, region_mask

BOX = np.array([60, 40, 260, 280])


@pytest.fixture
def frame():
    rng = np.random.default_rng(3)
    coarse = rng.uniform(80, 170, (12, 16, 3)).astype(np.float32)
    return cv2.resize(coarse, (320, 320), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


def crop_of(frame, size=128):
    x1, y1, x2, y2 = BOX
    return cv2.resize(frame[y1:y2, x1:x2], (size, size), interpolation=cv2.INTER_AREA)


def jaw_landmarks(chin=250.0):
    """A half ellipse from temple to temple; the other points do not matter."""
    points = np.zeros((468, 2), np.float32)
    angle = np.linspace(0, np.pi, len(JAW))
    points[list(JAW)] = np.stack([160 + 80 * np.cos(angle), 120 + (chin - 120) * np.sin(angle)], axis=1)
    return points


@pytest.mark.parametrize("landmarks", [None, jaw_landmarks()])
def test_nothing_changes_outside_the_mouth_region(frame, landmarks):
    before = frame.copy()
    out = paste(
        frame, np.zeros((96, 96, 3), np.uint8), BOX, landmarks=landmarks, options=PasteOptions(match_colour=False)
    )
    changed = np.argwhere((out != frame).any(axis=2))
    (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0)
    assert np.array_equal(frame, before), "the input is left alone"
    assert top >= 40 + 240 / 2 - 2 and bottom < 280
    assert left >= 60 + 0.15 * 200 - 2 and right <= 60 + 0.85 * 200 + 2
    assert out[230, 160].max() < 10, "the mouth is the drawn face"


def test_the_mask_is_zero_at_the_boxes_sides_and_follows_the_jaw():
    high = region_mask(BOX, jaw_landmarks(chin=220), PasteOptions())
    low = region_mask(BOX, jaw_landmarks(chin=265), PasteOptions())
    for mask in (high, low, region_mask(BOX, None, PasteOptions())):
        assert mask.min() == 0 and mask.max() > 0.99
        assert mask[0].max() == mask[-1].max() == mask[:, 0].max() == mask[:, -1].max() == 0
    rows = [np.flatnonzero(mask.max(axis=1) > 0.5).max() for mask in (high, low)]
    assert rows[0] < rows[1] - 8
    assert region_mask(BOX, jaw_landmarks(chin=10_000), PasteOptions())[-1].max() == 0, "chin outside the box"


def test_drawing_the_crop_itself_changes_next_to_nothing(frame):
    difference = np.abs(paste(frame, crop_of(frame), BOX).astype(int) - frame)
    assert difference.max() <= 3


def test_a_colour_step_is_taken_away_but_details_stay(frame):
    drawn = crop_of(frame).astype(int) + np.array([14, -12, 10])
    drawn[84:100, 50:78] = (20, 20, 120)  # a mouth that is not in the frame
    drawn = drawn.clip(0, 255).astype(np.uint8)
    matched = paste(frame, drawn, BOX).astype(int) - frame
    plain = paste(frame, drawn, BOX, options=PasteOptions(match_colour=False)).astype(int) - frame
    cheek = (slice(190, 194), slice(100, 220))
    assert np.abs(plain[cheek]).mean() > 7
    assert np.abs(matched[cheek]).mean() < 2
    mouth = paste(frame, drawn, BOX)[212, 160].astype(int)
    assert mouth[2] > mouth[0] + 60, "the drawn mouth is still red"


def test_no_step_is_left_at_the_edge(frame):
    """The difference between result and frame has no jump: neighbouring pixels of it differ by little."""
    drawn = (crop_of(frame).astype(int) + 12).clip(0, 255).astype(np.uint8)
    change = paste(frame, drawn, BOX, options=PasteOptions(match_colour=False)).astype(int) - frame
    assert np.abs(np.diff(change, axis=0)).max() <= 3 and np.abs(np.diff(change, axis=1)).max() <= 3


def test_a_box_at_the_frames_border(frame):
    out = paste(frame, np.zeros((64, 64, 3), np.uint8), np.array([0, 200, 50, 320]))
    assert out.shape == frame.shape and np.array_equal(out[:200], frame[:200])
