"""Depthwise convolution against torch's plain one: every size, stride and dilation the networks use, and odd ones."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from talkingface.model.layers.depthwise import DepthwiseConv

SIZES = [(1, 1), (2, 1), (5, 1), (4, 4), (6, 6), (7, 5), (8, 8), (9, 3), (16, 8)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("kernel", "stride", "dilation"), [(3, 1, 1), (3, 2, 1), (5, 2, 1), (5, 1, 2), (3, 1, 3)])
def test_output_and_gradients(size: tuple[int, int], kernel: int, stride: int, dilation: int) -> None:
    torch.manual_seed(0)
    layer = DepthwiseConv(6, kernel, stride=stride, dilation=dilation).double()
    x = torch.randn(3, 6, *size, dtype=torch.float64)
    results = []
    for plain in (True, False):
        given = x.clone().requires_grad_()
        layer.zero_grad()
        if plain:
            out = F.conv2d(given, layer.weight, None, stride, kernel // 2 * dilation, dilation, 6)
        else:
            out = layer(given)
        (out * torch.arange(out.numel()).view_as(out)).sum().backward()
        results.append((out.detach(), given.grad, layer.weight.grad.clone()))
    with torch.no_grad():
        results.append((layer(x), *results[0][1:]))
    for result in results[1:]:
        for got, wanted in zip(result, results[0], strict=True):
            torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-10)


def test_half_precision_trains_in_float32() -> None:
    layer = DepthwiseConv(8, 5, dilation=2)
    x = torch.randn(2, 8, 6, 6)
    with torch.autocast("cpu", torch.bfloat16):
        out = layer(x.bfloat16())
    assert out.dtype == torch.bfloat16
    exact = F.conv2d(x.bfloat16().float(), layer.weight, None, 1, 4, 2, 8)
    torch.testing.assert_close(out, exact.bfloat16())
    out.float().sum().backward()
    assert layer.weight.grad.dtype == torch.float32
