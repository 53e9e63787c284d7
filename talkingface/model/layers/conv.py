"""Convolution blocks that all networks here are made of, and how windows of frames pass through them.

A block's parameters are `conv_block.0` and `conv_block.1`. The frames of windows are folded into the batch, time-major:
all samples' frame 0, then frame 1, ...
"""

# B batch, T frames, C channels, H/W pixels, M mel bins (80), S mel steps (16)

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Size = int | tuple[int, int]


class Conv(nn.Module):
    """Convolution with bias, batch normalisation, the input added if `residual`, ReLU."""

    def __init__(
        self, cin: int, cout: int, kernel: Size, *, stride: Size = 1, padding: Size = 0, residual: bool = False
    ) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(nn.Conv2d(cin, cout, kernel, stride, padding), nn.BatchNorm2d(cout))
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """(B, cin, H, W) -> (B, cout, H', W'); a residual block keeps the shape."""
        out: Tensor = self.conv_block(x)
        return F.relu(out + x) if self.residual else F.relu(out)


class ConvTransposed(nn.Module):
    """Transposed convolution with bias, batch normalisation, ReLU."""

    def __init__(
        self, cin: int, cout: int, kernel: Size, *, stride: Size = 1, padding: Size = 0, output_padding: Size = 0
    ) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ConvTranspose2d(cin, cout, kernel, stride, padding, output_padding), nn.BatchNorm2d(cout)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, cin, H, W) -> (B, cout, H', W')."""
        return F.relu(self.conv_block(x))


class ConvNoNorm(nn.Module):
    """Convolution with bias, leaky ReLU of slope 0.01; for discriminators."""

    def __init__(self, cin: int, cout: int, kernel: Size, *, stride: Size = 1, padding: Size = 0) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(nn.Conv2d(cin, cout, kernel, stride, padding))

    def forward(self, x: Tensor) -> Tensor:
        """(B, cin, H, W) -> (B, cout, H', W')."""
        return F.leaky_relu(self.conv_block(x), 0.01, inplace=True)  # no backward pass needs what it overwrites


def on_vector(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """Apply a 1x1 convolution to a map of one pixel, (B, cin) -> (B, cout): a matrix product, and faster as one."""
    return F.linear(x, conv.weight.flatten(1), conv.bias)


def conv_stack(rows: list[dict[str, Any]]) -> nn.Sequential:
    """A chain of `Conv` from a table: each row holds `Conv`'s arguments, and `repeats` residual blocks after it."""
    blocks: list[nn.Module] = []
    for row in rows:
        arguments = dict(row)
        repeats = arguments.pop("repeats", 0)
        blocks.append(Conv(**arguments))
        width = arguments["cout"]
        blocks += [Conv(width, width, 3, padding=1, residual=True) for _ in range(repeats)]
    return nn.Sequential(*blocks)


def map_sizes(rows: list[dict[str, Any]], height: int, width: int) -> list[tuple[int, int]]:
    """Height and width after each row of a `conv_stack`'s table, from those of its input."""
    sizes = []
    for row in rows:
        kernel, stride, padding = (
            _pair(row.get(key, usual)) for key, usual in (("kernel", 1), ("stride", 1), ("padding", 0))
        )
        height, width = ((side + 2 * padding[k] - kernel[k]) // stride[k] + 1 for k, side in enumerate((height, width)))
        sizes.append((height, width))
    return sizes


def _pair(size: Size) -> tuple[int, int]:
    return size if isinstance(size, tuple) else (size, size)


def wide(x: Tensor) -> Tensor:
    """`x` in float32, or as it is if it is wider: for what half precision is too coarse or too slow for."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def fold_frames(frames: Tensor) -> Tensor:
    """(B, C, T, H, W) -> (T*B, C, H, W)."""
    return frames.permute(2, 0, 1, 3, 4).flatten(0, 1)


def fold_mels(mels: Tensor) -> Tensor:
    """(B, T, 1, M, S) -> (T*B, 1, M, S)."""
    return mels.transpose(0, 1).flatten(0, 1)


def split_frames(folded: Tensor, num_frames: int) -> Tensor:
    """(T*B, C, H, W) -> (B, C, T, H, W), the inverse of `fold_frames`."""
    return folded.unflatten(0, (num_frames, -1)).permute(1, 2, 0, 3, 4)
