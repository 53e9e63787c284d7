"""MobileNetV3-Large as a feature pyramid (Howard et al. 2019, table 1), and LR-ASPP on its last map (section 6.3).

The last blocks are dilated instead of strided, so that the output stride is 16.
"""

# B batch, C channels, H/W pixels

from __future__ import annotations

from typing import NamedTuple, cast

from torch import Tensor, nn
from torch.nn import functional as F

from talkingface.model.layers.conv import on_vector
from talkingface.model.layers.depthwise import DepthwiseConv


class Row(NamedTuple):
    """One inverted residual block, as a row of the paper's table."""

    kernel: int
    expanded: int
    out: int
    squeeze: int | None
    hardswish: bool
    stride: int
    dilation: int = 1
    residual: bool = False


BLOCKS = (
    Row(3, 16, 16, None, False, 1, residual=True),
    Row(3, 64, 24, None, False, 2),
    Row(3, 72, 24, None, False, 1, residual=True),
    Row(5, 72, 40, 24, False, 2),
    Row(5, 120, 40, 32, False, 1, residual=True),
    Row(5, 120, 40, 32, False, 1, residual=True),
    Row(3, 240, 80, None, True, 2),
    Row(3, 200, 80, None, True, 1, residual=True),
    Row(3, 184, 80, None, True, 1, residual=True),
    Row(3, 184, 80, None, True, 1, residual=True),
    Row(3, 480, 112, 120, True, 1),
    Row(3, 672, 112, 168, True, 1, residual=True),
    Row(5, 672, 160, 168, True, 1, dilation=2),  # the paper's stride 2 became dilation; still no residual
    Row(5, 960, 160, 240, True, 1, dilation=2, residual=True),
    Row(5, 960, 160, 240, True, 1, dilation=2, residual=True),
)
TAPS = (1, 3, 6, 16)
"""Features whose outputs are returned."""
CHANNELS = (16, 24, 40, 960)
"""Channels of the returned maps."""
STRIDES = (2, 4, 8, 16)
"""Their input's sides over theirs."""


class SqueezeExcitation(nn.Module):
    """Scale each channel by a gate computed from all channels' averages."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        squeezed = F.relu(on_vector(self.fc1, x.mean((2, 3))))
        return x * F.hardsigmoid(on_vector(self.fc2, squeezed))[..., None, None]


def _with_norm(conv: nn.Module, channels: int, activation: type[nn.Module] | None) -> nn.Sequential:
    """Convolution, batch normalisation (eps 1e-3, momentum 0.01), activation."""
    layers: list[nn.Module] = [conv, nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)]
    if activation is not None:
        layers.append(activation(inplace=True))
    return nn.Sequential(*layers)


def _pointwise(cin: int, cout: int, activation: type[nn.Module] | None) -> nn.Sequential:
    return _with_norm(nn.Conv2d(cin, cout, 1, bias=False), cout, activation)


class InvertedResidual(nn.Module):
    """Expand, convolve each channel, squeeze and excite, project."""

    def __init__(self, cin: int, row: Row) -> None:
        super().__init__()
        activation = nn.Hardswish if row.hardswish else nn.ReLU
        width = row.expanded
        depthwise = DepthwiseConv(width, row.kernel, stride=row.stride, dilation=row.dilation)
        layers: list[nn.Module] = []
        if width != cin:
            layers.append(_pointwise(cin, width, activation))
        layers.append(_with_norm(depthwise, width, activation))
        if row.squeeze is not None:
            layers.append(SqueezeExcitation(width, row.squeeze))
        layers.append(_pointwise(width, row.out, None))
        self.block = nn.Sequential(*layers)
        self.residual = row.residual

    def forward(self, x: Tensor) -> Tensor:
        """(B, cin, H, W) -> (B, row.out, H/stride, W/stride)."""
        out: Tensor = self.block(x)
        return out + x if self.residual else out


class MobileNetV3Large(nn.Module):
    """The network without its classifier; parameters as in torchvision, under `features`."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        stem = nn.Sequential(
            nn.Conv2d(in_channels, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.Hardswish(inplace=True)
        )
        layers: list[nn.Module] = [stem]
        width = 16
        for row in BLOCKS:
            layers.append(InvertedResidual(width, row))
            width = row.out
        layers.append(_pointwise(width, CHANNELS[-1], nn.Hardswish))
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, in_channels, H, W) -> maps of 16, 24, 40 and 960 channels at 1/2, 1/4, 1/8 and 1/16."""
        taps = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in TAPS:
                taps.append(x)
        return taps


class LRASPP(nn.Module):
    """LR-ASPP: reduce a map's channels by a 1x1 convolution, each scaled by a gate from the map's average."""

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        self.aspp1 = nn.Sequential(nn.Conv2d(cin, cout, 1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True))
        self.aspp2 = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(cin, cout, 1, bias=False), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """(B, cin, H, W) -> (B, cout, H, W)."""
        gate = on_vector(cast(nn.Conv2d, self.aspp2[1]), x.mean((2, 3))).sigmoid()
        out: Tensor = self.aspp1(x) * gate[..., None, None]
        return out
