"""The hyperconvolution against one convolution after another."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from talkingface.model.layers.hyperconv import CONDITION, MEL_CELLS, ConditionNet, HyperBlock, HyperConv
from talkingface.model.layers.mobilenetv3 import MobileNetV3Large


def test_every_sample_has_its_own_kernel() -> None:
    torch.manual_seed(0)
    layer = HyperConv(5).double()
    x, condition = torch.randn(3, 5, 7, 6).double(), torch.randn(3, CONDITION).double()
    out = layer(x, condition)
    for index in range(3):
        kernel = (layer.hyperkernel.weight @ condition[index] + layer.hyperkernel.bias).view(5, 5, 3, 3)
        bias = layer.hyperbias.weight @ condition[index] + layer.hyperbias.bias
        alone = F.conv2d(x[index : index + 1], kernel, bias, padding=1)
        torch.testing.assert_close(out[index : index + 1], alone)


def test_other_samples_do_not_leak() -> None:
    layer = HyperConv(4)
    x, condition = torch.randn(2, 4, 6, 6), torch.randn(2, CONDITION)
    changed = condition.clone()
    changed[1] += 1
    before, after = layer(x, condition), layer(x, changed)
    assert torch.equal(before[0], after[0])
    assert not torch.allclose(before[1], after[1])


def test_block_ends_in_probabilities() -> None:
    out = HyperBlock(4)(torch.randn(2, 4, 6, 6), torch.randn(2, CONDITION))
    assert out.shape == (2, 4, 6, 6)
    assert out.min() > 0 and out.max() < 1


def test_condition_net_by_hand() -> None:
    net = ConditionNet(2, hidden=1, outputs=1)
    with torch.no_grad():
        net.lin1.weight.copy_(torch.tensor([[1.0, -2.0]]))
        net.lin1.bias.fill_(0.5)
        net.lin2.weight.fill_(10.0)
        net.lin2.bias.fill_(1.0)
    # 3 - 8 + 0.5 = -4.5 leaks to -0.045; times 10 plus 1 is 0.55
    torch.testing.assert_close(net(torch.tensor([[[3.0], [4.0]]])), torch.tensor([[0.55]]))


def test_cells_of_the_audio_maps_are_those_of_a_mel_window() -> None:
    maps = MobileNetV3Large(1).eval()(torch.rand(1, 1, 80, 16))
    assert [tuple(found.shape[-2:]) for found in maps] == [(40, 8), (20, 4), (10, 2), (5, 1)]
    assert tuple(found.shape[-2] * found.shape[-1] for found in maps) == MEL_CELLS
