"""Convolution whose kernel is computed from a condition vector, its own for each sample (HyperLips, section 3.2)."""

# B batch, C channels, D condition values, H/W pixels

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

CONDITION = 64
"""Values in a condition vector (D)."""


class ConditionNet(nn.Module):
    """Two linear layers with leaky ReLU that turn a flattened map into a condition vector."""

    def __init__(self, inputs: int, hidden: int = 64, outputs: int = CONDITION) -> None:
        super().__init__()
        self.lin1 = nn.Linear(inputs, hidden)
        self.lin2 = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, ...) -> (B, D)."""
        return F.leaky_relu(self.lin2(F.leaky_relu(self.lin1(x.flatten(1)), 0.01)), 0.01)


class HyperConv(nn.Module):
    """3x3 convolution, padding 1, with a kernel and bias of its own for every sample."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.hyperkernel = nn.Linear(CONDITION, channels * channels * 9)
        self.hyperbias = nn.Linear(CONDITION, channels)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Convolve each sample with the kernel its condition asks for.

        One grouped convolution with as many groups as samples; unfolded, shifted and low-rank forms were slower.

        Args:
            x: (B, C, H, W).
            condition: (B, D).

        Returns:
            (B, C, H, W).
        """
        batch, channels, height, width = x.shape
        kernel = self.hyperkernel(condition).view(batch * channels, channels, 3, 3)
        bias = self.hyperbias(condition).view(batch * channels)
        grouped = x.reshape(1, batch * channels, height, width)
        out = F.conv2d(grouped, kernel, bias, padding=1, groups=batch)
        return out.view(batch, channels, height, width)


class HyperBlock(nn.Sequential):
    """Hyperconv, batch normalisation, ReLU, hyperconv, batch normalisation, sigmoid; not residual."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            HyperConv(channels), nn.BatchNorm2d(channels), nn.ReLU(inplace=True),
            HyperConv(channels), nn.BatchNorm2d(channels), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:  # type: ignore[override]
        """(B, C, H, W) and (B, D) -> (B, C, H, W) in (0, 1)."""
        for layer in self:
            x = layer(x, condition) if isinstance(layer, HyperConv) else layer(x)
        return x
