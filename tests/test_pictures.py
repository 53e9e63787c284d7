"""Pictures and tensors: there and back, colours in their places, rounding worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from talkingface.batch import GT, INPUT_FRAMES, REFERENCE, to_network
from talkingface.pictures import input_frames, sketches_to_tensor, to_pictures, to_tensor

CPU = torch.device("cpu")


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_every_grey_level_comes_back():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    np.testing.assert_array_equal(to_pictures(to_tensor(levels, CPU)), levels)


def test_places_and_colours_stay():
    pictures = noise(2, 5, 7, 3)
    faces = to_tensor(pictures, CPU)
    assert faces.shape == (2, 3, 5, 7) and faces.dtype == torch.float32
    assert float(faces[1, 2, 4, 6]) == pytest.approx(pictures[1, 4, 6, 2] / 255)
    back = to_pictures(faces)
    assert back.dtype == np.uint8 and back.flags.c_contiguous
    np.testing.assert_array_equal(back, pictures)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rounding_and_clipping(dtype: torch.dtype):
    values = torch.tensor([-0.3, 0.0, 0.25, 0.75, 1.0, 1.7], dtype=dtype)
    got = to_pictures(values.view(1, 1, 1, 6).expand(1, 3, 1, 6))[0, 0, :, 0]
    assert got.tolist() == [0, 0, 64, 191, 255, 255]  # 63.75 and 191.25


@pytest.mark.parametrize("references", [3, 1])
def test_input_of_single_frames_is_that_of_training(references: int):
    targets, reference = noise(3, 8, 8, 3), noise(references, 8, 8, 3, seed=1)
    frames = input_frames(targets, reference, CPU)
    stored = [
        torch.from_numpy(np.ascontiguousarray(one.transpose(0, 3, 1, 2)[:, :, None])) for one in (targets, reference)
    ]
    wanted = to_network({GT: stored[0], REFERENCE: stored[1].expand_as(stored[0])}, CPU)[INPUT_FRAMES].squeeze(2)
    assert torch.equal(frames, wanted) and frames.is_contiguous()
    assert not frames[:, :3, 4:].any() and frames[:, :3, :4].any() and frames[:, 3:, 4:].any()


def test_sketches_have_three_equal_channels():
    sketch = (noise(2, 4, 4) > 127).astype(np.uint8) * 255
    lines = sketches_to_tensor(sketch, CPU)
    assert lines.shape == (2, 3, 4, 4) and set(lines.unique().tolist()) == {0.0, 1.0}
    for channel in range(3):
        np.testing.assert_array_equal(lines[:, channel].numpy(), sketch / 255)
