"""The decoder of Robust Video Matting (Lin et al. 2022, figure 2), its hidden states always zero."""

# B batch, C channels, H/W pixels

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def _upsample(x: Tensor, like: Tensor) -> Tensor:
    """Double the size, then cut to the height and width of `like`."""
    doubled = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    return doubled[..., : like.shape[-2], : like.shape[-1]]


class StatelessConvGRU(nn.Module):
    """One step of a convolutional GRU (3x3) from a zero hidden state.

    With h = 0 the reset gate multiplies nothing and the state is z * c, so only the update gate's and the
    candidate's weights for x are used, as one convolution. The weights that would see h, and the reset gate's, stay
    parameters, so that checkpoints fit; their gradient is zero.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.ih = nn.Sequential(nn.Conv2d(channels * 2, channels * 2, 3, padding=1), nn.Sigmoid())
        self.hh = nn.Sequential(nn.Conv2d(channels * 2, channels, 3, padding=1), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the new state (B, C, H, W)."""
        n = self.channels
        gates, candidate = cast(nn.Conv2d, self.ih[0]), cast(nn.Conv2d, self.hh[0])
        weight = torch.cat([gates.weight[n:, :n], candidate.weight[:, :n]])
        bias = torch.cat([cast(Tensor, gates.bias)[n:], cast(Tensor, candidate.bias)])
        z, c = F.conv2d(x, weight, bias, padding=1).chunk(2, dim=1)
        return z.sigmoid() * c.tanh()


class HalfGRU(nn.Module):
    """The bottleneck: the second half of the channels goes through a ConvGRU, the first half passes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gru = StatelessConvGRU(channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        passed, remembered = x.chunk(2, dim=1)
        return torch.cat([passed, self.gru(remembered)], dim=1)


class UpBlock(nn.Module):
    """Upsample, join with the skip and the pooled input, convolve, half through a ConvGRU."""

    def __init__(self, cin: int, skip: int, image: int, cout: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(cin + skip + image, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True)
        )
        self.gru = StatelessConvGRU(cout // 2)

    def forward(self, x: Tensor, skip: Tensor, image: Tensor) -> Tensor:
        """(B, cin, H/2, W/2), (B, skip, H, W), (B, image, H, W) -> (B, cout, H, W)."""
        joined: Tensor = self.conv(torch.cat([_upsample(x, image), skip, image], dim=1))
        passed, remembered = joined.chunk(2, dim=1)
        return torch.cat([passed, self.gru(remembered)], dim=1)


class LastBlock(nn.Module):
    """Upsample, join with the input, convolve twice."""

    def __init__(self, cin: int, image: int, cout: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(cin + image, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True),
            nn.Conv2d(cout, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True),
        )  # fmt: skip

    def forward(self, x: Tensor, image: Tensor) -> Tensor:
        """(B, cin, H/2, W/2), (B, image, H, W) -> (B, cout, H, W)."""
        out: Tensor = self.conv(torch.cat([_upsample(x, image), image], dim=1))
        return out


class RecurrentDecoder(nn.Module):
    """From features at 1/16 back to the input's size."""

    def __init__(self, skips: tuple[int, int, int], bottleneck: int, image: int, widths: tuple[int, ...]) -> None:
        """`skips`: channels at 1/2, 1/4, 1/8; `widths`: channels made at 1/8, 1/4, 1/2, 1."""
        super().__init__()
        self.decode4 = HalfGRU(bottleneck)
        self.decode3 = UpBlock(bottleneck, skips[2], image, widths[0])
        self.decode2 = UpBlock(widths[0], skips[1], image, widths[1])
        self.decode1 = UpBlock(widths[1], skips[0], image, widths[2])
        self.decode0 = LastBlock(widths[2], image, widths[3])

    def forward(self, image: Tensor, features: list[Tensor]) -> Tensor:
        """Decode.

        Args:
            image: (B, C, H, W), the network's input.
            features: four maps at 1/2, 1/4, 1/8 and 1/16.

        Returns:
            (B, widths[3], H, W).
        """
        pooled = [image]
        for _ in range(3):
            pooled.append(F.avg_pool2d(pooled[-1], 2, ceil_mode=True, count_include_pad=False))
        x = self.decode4(features[3])
        pooled = [level.to(x.dtype) for level in pooled]  # joining two precisions would widen the features
        x = self.decode3(x, features[2], pooled[3])
        x = self.decode2(x, features[1], pooled[2])
        x = self.decode1(x, features[0], pooled[1])
        out: Tensor = self.decode0(x, pooled[0])
        return out
