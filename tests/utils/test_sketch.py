"""Sketches and masks against the pictures that the published code drew of the same landmarks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from talkingface.utils.face.sketch import (
    EDGES,
    MOUTH_OUTLINE,
    decoder_sketch,
    draw_mask,
    draw_sketch,
    resize_mask,
    widen_sketch,
)

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "image"
PICTURES = np.load(GOLDEN / "sketches.npz")
META = json.loads((GOLDEN / "meta.json").read_text())
POINTS = PICTURES["landmarks"]
SIZES = [(300, 225), (128, 128)]


def golden(name: str, height: int, width: int) -> np.ndarray:
    return np.unpackbits(PICTURES[name])[: height * width].reshape(height, width) > 0


def test_the_lines_join_the_published_points():
    assert {frozenset(edge) for edge in EDGES} == {frozenset(edge) for edge in META["roi_sorted"]}
    assert len(EDGES) == len(META["roi_sorted"])
    assert list(MOUTH_OUTLINE) == META["lip_index"]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_sketch_and_mask_are_pixel_equal(height: int, width: int):
    for name, picture in (("sketch", draw_sketch), ("mask", draw_mask)):
        drawn = picture(POINTS, height, width)
        assert set(np.unique(drawn)) == {0, 255}
        np.testing.assert_array_equal(drawn > 0, golden(f"{name}_{height}x{width}", height, width))


@pytest.mark.parametrize("size", [128, 256, 512])
def test_sketches_of_training(size: int):
    widened = widen_sketch(draw_sketch(POINTS, 300, 225), size)
    assert widened.shape == (size, size) and set(np.unique(widened)) == {0, 255}
    assert np.mean((widened > 0) != golden(f"train_sketch_300x225_{size}_raw", size, size)) < 0.003


@pytest.mark.parametrize("size", [128, 256, 512])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_lips_box_is_the_published_one(height: int, width: int, size: int):
    rows, columns = np.nonzero(resize_mask(draw_mask(POINTS, height, width), size))
    box = [rows.min(), rows.max(), columns.min(), columns.max()]
    assert box == META[f"coords_{height}x{width}_{size}_raw"]


def test_what_jpeg_leaves_beside_lines_counts_as_black():
    sketch = draw_sketch(POINTS, 128, 128)
    noisy = np.where(sketch == 0, np.uint8(30), np.uint8(230))
    np.testing.assert_array_equal(widen_sketch(noisy, 128), widen_sketch(sketch, 128))
    mask = draw_mask(POINTS, 128, 128)
    np.testing.assert_array_equal(resize_mask(np.where(mask == 0, np.uint8(30), np.uint8(230)), 128), mask)


def test_points_outside_the_picture_do_no_harm():
    sketch = draw_sketch(POINTS * 1.4 - 0.2, 128, 128)
    assert sketch.any() and draw_mask(POINTS + 2, 128, 128).shape == (128, 128)


def test_without_landmarks_the_sketch_is_black():
    assert not decoder_sketch(None, 128).any()
    thin, wide = decoder_sketch(POINTS, 128, widen=False), decoder_sketch(POINTS, 128)
    assert (wide >= thin).all() and wide.sum() > thin.sum()
