"""The ConvGRU without state against the full one, and the decoder's sizes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from talkingface.model.layers.recurrent_decoder import RecurrentDecoder, StatelessConvGRU


def full_gru(gru: StatelessConvGRU, x: Tensor) -> Tensor:
    """A ConvGRU step as the paper writes it, from a hidden state of zeros."""
    h = torch.zeros_like(x)
    r, z = gru.ih(torch.cat([x, h], dim=1)).chunk(2, dim=1)
    c = gru.hh(torch.cat([x, r * h], dim=1))
    return (1 - z) * h + z * c


def test_gru_equals_the_full_one() -> None:
    torch.manual_seed(0)
    gru = StatelessConvGRU(3).double()
    x = torch.randn(2, 3, 5, 4).double()
    gradients = []
    for out in (full_gru(gru, x), gru(x)):
        gru.zero_grad()
        (out**2).sum().backward()
        gradients.append([out.detach(), *(weight.grad.clone() for weight in gru.parameters())])
    for full, short in zip(*gradients, strict=True):
        torch.testing.assert_close(short, full)


def test_weights_that_see_the_state_get_zero_gradients() -> None:
    gru = StatelessConvGRU(4)
    gru(torch.randn(1, 4, 6, 6)).sum().backward()
    gates, candidate = gru.ih[0].weight.grad, gru.hh[0].weight.grad
    assert gates[:4].count_nonzero() == 0  # the reset gate
    assert gates[:, 4:].count_nonzero() == 0
    assert candidate[:, 4:].count_nonzero() == 0
    assert gates[4:, :4].all() and candidate[:, :4].all()


@pytest.mark.parametrize("size", [(32, 32), (30, 22), (17, 33)])
def test_sizes_that_do_not_halve_evenly(size: tuple[int, int]) -> None:
    decoder = RecurrentDecoder((4, 6, 8), 10, 3, (8, 6, 4, 5))
    image = torch.rand(1, 3, *size)
    features, (height, width) = [], size
    for channels in (4, 6, 8, 10):
        height, width = -(-height // 2), -(-width // 2)
        features.append(torch.rand(1, channels, height, width))
    assert decoder(image, features).shape == (1, 5, *size)
