"""LR-ASPP (Howard et al. 2019, section 6.3): a 1x1 convolution gated by the map's average."""

# B batch, C channels, H/W pixels

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from talkingface.model.layers.conv import on_vector


class LRASPP(nn.Module):
    """Reduce a map's channels, each scaled by a gate from the global average."""

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        self.aspp1 = nn.Sequential(nn.Conv2d(cin, cout, 1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True))
        self.aspp2 = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(cin, cout, 1, bias=False), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """(B, cin, H, W) -> (B, cout, H, W)."""
        gate = on_vector(cast(nn.Conv2d, self.aspp2[1]), x.mean((2, 3))).sigmoid()
        out: Tensor = self.aspp1(x) * gate[..., None, None]
        return out
