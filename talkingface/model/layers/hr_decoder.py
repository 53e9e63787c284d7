"""The networks of HyperLipsHR (section 3.3): the decoder that enlarges a face, a discriminator of whole faces."""

# B batch, C channels, H/W pixels

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from talkingface.model.layers.conv import Conv, ConvNoNorm, ConvTransposed, wide

WIDTH = 64
"""Channels throughout."""
OFFSET, SLOPE = 3.0, 1.0
"""Of a carried colour: what keeps it above the ReLUs, and its weight before the Sigmoid."""


class HRDecoder(nn.Module):
    """Draws a base face again, `rescaling` times as large, with the detail that the base lacks.

    Args:
        rescaling: 1, 2 or 4: output side over input side. Any input size does; it was made for 128 px.
    """

    def __init__(self, rescaling: int = 1) -> None:
        super().__init__()
        if rescaling not in (1, 2, 4):
            raise ValueError(f"rescaling: wanted 1, 2 or 4, got {rescaling}")
        self.rescaling = rescaling
        self.conv_base = nn.Sequential(Conv(6, WIDTH, 3, padding=1), _residual())
        enlarging = [
            layer
            for _ in range(rescaling.bit_length() - 1)
            for layer in (
                ConvTransposed(WIDTH, WIDTH, 3, stride=2, padding=1, output_padding=1),
                _residual(),
                _residual(),
            )
        ]
        self.up_conv = nn.Sequential(*(enlarging or [_residual(), _residual()]))
        self.output_block = nn.Sequential(Conv(WIDTH, 32, 3, padding=1), nn.Conv2d(32, 3, 1), nn.Sigmoid())
        self.to(memory_format=torch.channels_last)  # the faster layout, on CPU and GPU

    def forward(self, face_and_sketch: Tensor) -> Tensor:
        """(B, 6, H, W) in [0, 1], base face then its sketch, to (B, 3, r*H, r*W) in (0, 1)."""
        x = face_and_sketch.contiguous(memory_format=torch.channels_last)
        hidden, to_colours, squash = self.output_block
        drawn = hidden(self.up_conv(self.conv_base(x)))
        with torch.autocast(drawn.device.type, enabled=False):  # half precision has fewer levels than a pixel
            out: Tensor = squash(to_colours(wide(drawn)))
        return out

    @torch.no_grad()
    def start_as_enlargement(self) -> None:
        """Set the weights so that the untrained decoder gives the face back, enlarged bilinearly.

        Three channels carry the face's colours through every layer, the residual blocks add nothing yet, and the other
        channels are as they were drawn. Training then begins at the base face instead of noise.
        """
        first = cast(Conv, self.conv_base[0])
        _carry(first, torch.tensor([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]]))
        for layer in (*self.conv_base, *self.up_conv):
            if isinstance(layer, ConvTransposed):
                _carry(layer, torch.tensor([0.5, 1, 0.5]).outer(torch.tensor([0.5, 1, 0.5])))
            elif isinstance(layer, Conv) and layer is not first:
                _parts(layer)[1].weight.zero_()
        to_colours = cast(nn.Conv2d, self.output_block[1])
        _carry(cast(Conv, self.output_block[0]), torch.tensor([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]]))
        to_colours.weight.mul_(0.1)
        cast(Tensor, to_colours.bias).fill_(-OFFSET * SLOPE)
        for colour in range(3):
            to_colours.weight[colour, :3] = 0
            to_colours.weight[colour, colour] = SLOPE


class HRDecoder_disc_qual(nn.Module):  # noqa: N801  the name its users and checkpoints know
    """Tells real from generated whole faces."""

    gives_logits = True

    def __init__(self) -> None:
        super().__init__()
        widths = (32, 64, 128, 128)
        self.face_encoder_blocks = nn.ModuleList(
            [
                nn.Sequential(ConvNoNorm(3, widths[0], 7, padding=3)),
                *(_halving(cin, cout, 5) for cin, cout in pairwise(widths)),
                _halving(widths[-1], widths[-1], 3),
            ]
        )
        self.binary_pred = nn.Sequential(nn.Conv2d(widths[-1], 1, 1), nn.Sigmoid())

    def logits(self, faces: Tensor) -> Tensor:
        """The same before the Sigmoid, (B, 1): what a relativistic loss compares."""
        logits: Tensor = self(faces, as_logits=True)
        return logits

    def forward(self, faces: Tensor, *, as_logits: bool = False) -> Tensor:
        """Faces (B, 3, H, W) in [0, 1] to (B, 1) in (0, 1): the probability that each is real; or its logit."""
        x = faces
        for block in self.face_encoder_blocks:
            x = block(x)
        with torch.autocast(x.device.type, enabled=False):  # in half precision two like verdicts would be equal
            score: Tensor = self.binary_pred[0](F.adaptive_avg_pool2d(wide(x), 1))
        return score.flatten(1) if as_logits else score.flatten(1).sigmoid()


def _carry(layer: Conv | ConvTransposed, kernel: Tensor) -> None:
    """Let the first three channels pass, normalised and raised above the ReLU."""
    conv, norm = _parts(layer)
    for channel in range(3):
        weight = conv.weight[:, channel] if isinstance(layer, ConvTransposed) else conv.weight[channel]
        weight.zero_()
        weight[channel] = kernel
    cast(Tensor, conv.bias)[:3] = 0
    norm.weight[:3] = 1
    norm.bias[:3] = OFFSET


def _parts(layer: Conv | ConvTransposed) -> tuple[nn.Conv2d | nn.ConvTranspose2d, nn.BatchNorm2d]:
    conv, norm = layer.conv_block
    return cast(nn.Conv2d, conv), cast(nn.BatchNorm2d, norm)


def _residual() -> Conv:
    return Conv(WIDTH, WIDTH, 3, padding=1, residual=True)


def _halving(cin: int, cout: int, kernel: int) -> nn.Sequential:
    padding = kernel // 2
    return nn.Sequential(
        ConvNoNorm(cin, cout, kernel, stride=2, padding=padding), ConvNoNorm(cout, cout, kernel, padding=padding)
    )
