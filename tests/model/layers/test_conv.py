"""Convolution blocks and the folding of frames."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from talkingface.model.audio_driven_talkingface.syncnet import AUDIO, FACE_48X96, FACE_64X128
from talkingface.model.layers.conv import (
    Conv,
    ConvNoNorm,
    conv_stack,
    fold_frames,
    fold_mels,
    map_sizes,
    on_vector,
    split_frames,
)


@pytest.mark.parametrize("residual", [False, True])
def test_conv_by_hand(residual: bool) -> None:
    block = Conv(1, 1, 1, residual=residual).eval()
    conv, norm = block.conv_block
    with torch.no_grad():
        conv.weight.fill_(2.0)
        conv.bias.fill_(-1.0)
        norm.running_mean.fill_(1.0)
        norm.running_var.fill_(4.0 - norm.eps)
        out = block(torch.tensor([-3.0, 0.0, 5.0]).view(1, 1, 1, 3)).flatten()
    # (2x - 1 - 1) / 2 = x - 1, then + x if residual, then ReLU
    torch.testing.assert_close(out, torch.tensor([0.0, 0.0, 9.0 if residual else 4.0]))


def test_leak_of_the_block_without_norm() -> None:
    block = ConvNoNorm(1, 1, 1)
    with torch.no_grad():
        block.conv_block[0].weight.fill_(1.0)
        block.conv_block[0].bias.fill_(0.0)
        out = block(torch.tensor([-2.0, 3.0]).view(1, 1, 1, 2)).flatten()
    torch.testing.assert_close(out, torch.tensor([-0.02, 3.0]))


def test_stack_from_a_table() -> None:
    stack = conv_stack([{"cin": 2, "cout": 4, "kernel": 3, "stride": 2, "padding": 1, "repeats": 2}])
    assert [block.residual for block in stack] == [False, True, True]
    assert stack(torch.rand(2, 2, 8, 6)).shape == (2, 4, 4, 3)


@pytest.mark.parametrize(("rows", "size"), [(AUDIO, (80, 16)), (FACE_64X128, (64, 128)), (FACE_48X96, (48, 96))])
def test_sizes_of_a_table_are_those_of_its_stack(rows: list, size: tuple[int, int]) -> None:
    x = torch.rand(1, rows[0]["cin"], *size)
    found = []
    for row in rows:
        x = conv_stack([{**row, "repeats": 0}]).eval()(x)
        found.append(tuple(x.shape[-2:]))
    assert map_sizes(rows, *size) == found and found[-1] == (1, 1)


def test_one_pixel_convolution() -> None:
    conv, x = nn.Conv2d(5, 3, 1), torch.randn(2, 5)
    torch.testing.assert_close(on_vector(conv, x), conv(x[..., None, None]).flatten(1))
    torch.testing.assert_close(F.conv2d(x[..., None, None], conv.weight, conv.bias).flatten(1), on_vector(conv, x))


def test_frames_fold_time_major() -> None:
    frames = torch.arange(2 * 3).view(2, 1, 3, 1, 1)  # sample 0 has frames 0 1 2, sample 1 has 3 4 5
    assert fold_frames(frames).flatten().tolist() == [0, 3, 1, 4, 2, 5]
    assert fold_mels(frames.transpose(1, 2)).flatten().tolist() == [0, 3, 1, 4, 2, 5]
    assert torch.equal(split_frames(fold_frames(frames), 3), frames)
