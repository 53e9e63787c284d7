"""The discriminator of this family: tells real from generated frames by their lower halves."""

# B batch, T frames, C channels, H/W pixels

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from talkingface.model.layers.conv import ConvNoNorm, fold_frames, wide


class LowerHalfDiscriminator(nn.Module):
    """Seven blocks of convolutions, then the probability of being real; 14.11 M parameters."""

    smallest = 96
    """Faces narrower or lower than this do not survive the strides; their lower halves are enlarged first."""
    enlarged: ClassVar[tuple[int, int]]
    """Height and width such lower halves are enlarged to: those of the published face size."""
    averages: ClassVar[bool]
    """Whether features are averaged over what is left of the picture, for one verdict a frame at any size."""

    def __init__(self) -> None:
        super().__init__()
        self.face_encoder_blocks = nn.ModuleList(
            [
                nn.Sequential(ConvNoNorm(3, 32, 7, padding=3)),
                nn.Sequential(ConvNoNorm(32, 64, 5, stride=(1, 2), padding=2), ConvNoNorm(64, 64, 5, padding=2)),
                nn.Sequential(ConvNoNorm(64, 128, 5, stride=2, padding=2), ConvNoNorm(128, 128, 5, padding=2)),
                nn.Sequential(ConvNoNorm(128, 256, 5, stride=2, padding=2), ConvNoNorm(256, 256, 5, padding=2)),
                nn.Sequential(ConvNoNorm(256, 512, 3, stride=2, padding=1), ConvNoNorm(512, 512, 3, padding=1)),
                nn.Sequential(ConvNoNorm(512, 512, 3, stride=2, padding=1), ConvNoNorm(512, 512, 3, padding=1)),
                nn.Sequential(ConvNoNorm(512, 512, 3), ConvNoNorm(512, 512, 1)),
            ]
        )
        self.binary_pred = nn.Sequential(nn.Conv2d(512, 1, 1), nn.Sigmoid())

    judges_each_frame = True
    """No layer looks at two frames at a time."""
    gives_logits = True

    def forward(self, frames: Tensor, *, as_logits: bool = False) -> Tensor:
        """Score whole faces.

        Args:
            frames: (B, 3, T, H, W) in [0, 1].
            as_logits: leave out the Sigmoid.

        Returns:
            (T*B, 1) in (0, 1), time-major: the probability that each frame is real. Without averaging one column for
            each place that is left of larger frames.
        """
        x = fold_frames(frames[..., frames.shape[-2] // 2 :, :])
        if min(frames.shape[-2:]) < self.smallest:
            x = F.interpolate(x, size=self.enlarged, mode="bilinear", align_corners=False)
        for block in self.face_encoder_blocks:
            x = block(x)
        with torch.autocast(x.device.type, enabled=False):  # in half precision a sure verdict would round to 0 or 1
            features = wide(x)
            logits: Tensor = self.binary_pred[0](F.adaptive_avg_pool2d(features, 1) if self.averages else features)
        return logits.flatten(1) if as_logits else logits.sigmoid().flatten(1)
