"""Boxes: clipping, and the box that speech does not move."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.utils.face import crop as crop_module
from talkingface.utils.face.crop import STABLE_POINTS, crop, pad_and_clip, similarity, stable_box
from talkingface.utils.face.landmarks import MOUTH, mouth_opening, mouth_points


def test_padding_and_clipping():
    assert pad_and_clip(np.array([10, 20, 30, 40]), (1, 2, 3, 4), (100, 100)).tolist() == [7, 19, 34, 42]
    assert pad_and_clip(np.array([-5.4, 20.6, 130, 240]), (0, 10, 0, 0), (100, 90, 3)).tolist() == [0, 21, 90, 100]
    x1, y1, x2, y2 = pad_and_clip(np.array([500, 500, 600, 600]), (0, 0, 0, 0), (100, 90))
    assert 0 <= x1 < x2 <= 90 and 0 <= y1 < y2 <= 100


def test_crop_is_the_box():
    frame = np.zeros((60, 80, 3), np.uint8)
    frame[10:30, 20:60] = 200
    assert (crop(frame, np.array([20, 10, 60, 30]), 16) == 200).all()
    assert crop(frame, np.array([-10, -10, 5, 5]), 16).shape == (16, 16, 3)


def _mesh():
    mesh = np.random.default_rng(0).normal(size=(468, 3))
    mesh[list(STABLE_POINTS)] = crop_module._AVERAGE
    return mesh * 40 + np.array([200, 150, 0])


def test_box_ignores_mouth_and_jaw():
    mesh = _mesh()
    before = stable_box(mesh)
    others = [i for i in range(468) if i not in STABLE_POINTS]
    mesh[others] += [0, 35, 5]
    np.testing.assert_array_equal(stable_box(mesh), before)
    assert not set(MOUTH) & set(STABLE_POINTS)


def test_box_follows_scale_and_shift():
    mesh = _mesh()
    box = stable_box(mesh)
    np.testing.assert_allclose(stable_box(mesh * 2 + [10, 20, 0]), box * 2 + [10, 20, 10, 20], rtol=1e-5)
    assert box[3] - box[1] == pytest.approx(40 * (crop_module.BOTTOM - crop_module.TOP), rel=1e-4)


def test_similarity_is_found():
    rng = np.random.default_rng(1)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    rotation *= np.sign(np.linalg.det(rotation))
    points = rng.normal(size=(12, 3))
    scale, found, shift = similarity(points, 2.5 * points @ rotation.T + [1, 2, 3])
    assert scale == pytest.approx(2.5)
    np.testing.assert_allclose(found, rotation, atol=1e-9)
    np.testing.assert_allclose(shift, [1, 2, 3], atol=1e-9)


def test_mouth_opening_by_hand():
    points = np.zeros((468, 2))
    points[33], points[263], points[13], points[14] = (0, 0), (100, 0), (50, 60), (50, 90)
    assert mouth_opening(points) == pytest.approx(0.3)
    assert mouth_points(points).shape == (40, 2)
