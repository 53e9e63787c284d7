"""A discriminator of patches (Isola et al. 2017, arXiv 1611.07004, section 3.2.2) that sees the mouth alone."""

# B batch, T frames, H/W pixels

from __future__ import annotations

import torch
from torch import Tensor, nn

from talkingface.model.layers.conv import ConvNoNorm, fold_frames, wide
from talkingface.model.losses.reconstruction import MOUTH_COLUMNS, MOUTH_ROWS

CHANNELS = (32, 64, 128)


class MouthDiscriminator(nn.Module):
    """Three convolutions that halve the size, then a verdict on each patch of 22 x 22 pixels; 0.2 M parameters."""

    def __init__(self) -> None:
        super().__init__()
        sizes = zip((3, *CHANNELS[:-1]), CHANNELS, strict=True)
        self.look = nn.Sequential(*(ConvNoNorm(cin, cout, 4, stride=2, padding=1) for cin, cout in sizes))
        self.verdict = nn.Sequential(nn.Conv2d(CHANNELS[-1], 1, 3, padding=1), nn.Sigmoid())

    def forward(self, frames: Tensor) -> Tensor:
        """Score whole faces.

        Args:
            frames: (B, 3, T, H, W) in [0, 1].

        Returns:
            (T*B, patches) in (0, 1), time-major: the probability that each patch is of a real frame.
        """
        height, width = frames.shape[-2:]
        rows = slice(round(MOUTH_ROWS[0] * height), round(MOUTH_ROWS[1] * height))
        columns = slice(round(MOUTH_COLUMNS[0] * width), round(MOUTH_COLUMNS[1] * width))
        features = self.look(fold_frames(frames[..., rows, columns]))
        with torch.autocast(features.device.type, enabled=False):  # in half precision a sure verdict would round
            score: Tensor = self.verdict(wide(features))
        return score.flatten(1)
