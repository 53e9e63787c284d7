"""Depthwise convolution on small maps, computed so that the CPU's fast kernels apply; the results are the same."""

# B batch, C channels, H/W pixels

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from talkingface.model.layers.conv import wide


class DepthwiseConv(nn.Conv2d):
    """One kernel a channel, no bias, zero padding that keeps the size (at stride 1); parameter `weight`.

    Three exact rewritings, for this is a third of a training step on CPU when written plainly:
    taps that can only ever see padding are left out (a 5x5 kernel of dilation 2 on a map one pixel wide has five
    useful ones); a dilated convolution is an undilated one of the map's phases; and because CPU kernels for the
    gradients of depthwise convolutions are slow in half precision, training on CPU stays in float32.
    """

    def __init__(self, channels: int, kernel: int, *, stride: int = 1, dilation: int = 1) -> None:
        reach = kernel // 2 * dilation
        super().__init__(channels, channels, kernel, stride, reach, dilation, groups=channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H/stride, W/stride)."""
        (rows, columns), weight = self._useful(x.shape[-2], x.shape[-1])
        if x.device.type != "cpu" or not torch.is_grad_enabled():
            dilation = self.dilation[0]
            padding = (rows * dilation, columns * dilation)
            return F.conv2d(x, weight, None, self.stride, padding, self.dilation, self.groups)
        with torch.autocast("cpu", enabled=False):
            exact, weight = wide(x), wide(weight)
            if self.dilation == (1, 1):
                out = F.conv2d(exact, weight, None, self.stride, (rows, columns), 1, self.groups)
            else:
                out = _by_phases(exact, weight, self.dilation[0])
            return out.to(x.dtype)

    def _useful(self, height: int, width: int) -> tuple[tuple[int, int], Tensor]:
        """Taps on either side of the middle that can see a pixel, by rows and columns, and the kernel cut to them."""
        middle = self.kernel_size[0] // 2
        rows = min(middle, (height - 1) // self.dilation[0])
        columns = min(middle, (width - 1) // self.dilation[0])
        if rows == columns == middle:
            return (rows, columns), self.weight
        return (rows, columns), self.weight[
            :, :, middle - rows : middle + rows + 1, middle - columns : middle + columns + 1
        ]


def _by_phases(x: Tensor, weight: Tensor, dilation: int) -> Tensor:
    """Depthwise convolution at stride 1 whose taps lie `dilation` apart.

    The phases (every `dilation`-th row and column) are laid side by side in one map, with as much padding between
    them as the kernel reaches, and convolved without dilation.

    Args:
        x: (B, C, H, W).
        weight: (C, 1, 2 * rows + 1, 2 * columns + 1), without taps that only see padding.
        dilation: distance of taps.

    Returns:
        (B, C, H, W) in channels_last.
    """
    channels, height, width = x.shape[1:]
    rows, columns = weight.shape[-2] // 2, weight.shape[-1] // 2
    down = dilation if rows else 1  # without taps above and below there is nothing to separate
    across = dilation if columns else 1
    high, broad = -(-height // down), -(-width // across)  # of one phase
    pixels = x.permute(0, 2, 3, 1)  # NCHW to NHWC, the layout that the fast kernels want
    pixels = F.pad(pixels, (0, 0, 0, broad * across - width, 0, high * down - height))
    phases = pixels.unflatten(2, (broad, across)).unflatten(1, (high, down)).permute(0, 2, 1, 4, 3, 5)
    spaced = F.pad(phases, (0, 0, 0, columns, 0, 0, 0, rows))  # (B, down, high+, across, broad+, C)
    laid_out = spaced.flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)
    out = F.conv2d(laid_out, weight, None, 1, (rows, columns), 1, channels).permute(0, 2, 3, 1)
    parts = out.unflatten(2, (across, broad + columns)).unflatten(1, (down, high + rows))
    woven = parts[:, :, :high, :, :broad].permute(0, 2, 1, 4, 3, 5).flatten(3, 4).flatten(1, 2)
    return woven[:, :height, :width].permute(0, 3, 1, 2)
