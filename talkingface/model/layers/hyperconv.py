"""How sound controls a face's features (HyperLips, section 3.2): it makes the kernels that convolve them."""

# B batch, C channels, D condition values, H/W pixels, M mel bins (80), S mel steps (16)

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from talkingface.model.layers.mobilenetv3 import CHANNELS, LRASPP, STRIDES, MobileNetV3Large
from talkingface.utils.media.mel import MEL_BINS, MEL_STEPS

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


MEL_CELLS = tuple(-(-MEL_BINS // shrunk) * -(-MEL_STEPS // shrunk) for shrunk in STRIDES)
"""Positions in the four audio maps of a mel window: 40x8, 20x4, 10x2 and 5x1 of 80x16, as published."""


class HyperControlNet(nn.Module):
    """Encode the mel to four maps, each to a condition, each to the convolutions of one face map."""

    def __init__(self, face_channels: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.audio_encoder = MobileNetV3Large(1)
        self.aspp_a = LRASPP(CHANNELS[-1], face_channels[-1])
        audio_channels = (*CHANNELS[:3], face_channels[-1])
        inputs = [channels * cells for channels, cells in zip(audio_channels, MEL_CELLS, strict=True)]
        self.hnet0, self.hnet1, self.hnet2, self.hnet3 = (ConditionNet(count) for count in inputs)
        self.dconv_down0, self.dconv_down1, self.dconv_down2, self.dconv_down3 = (
            HyperBlock(channels) for channels in face_channels
        )

    def forward(self, mel: Tensor, features: list[Tensor]) -> list[Tensor]:
        """Replace each face map by its convolution with kernels made from the sound.

        Args:
            mel: (B, 1, M, S) in [-4, 4].
            features: four face maps (B, C, H, W).

        Returns:
            Four maps of the same shapes, in (0, 1).
        """
        audio = self.audio_encoder(mel)
        audio[-1] = self.aspp_a(audio[-1])
        hnets = (self.hnet0, self.hnet1, self.hnet2, self.hnet3)
        dconvs = (self.dconv_down0, self.dconv_down1, self.dconv_down2, self.dconv_down3)
        return [
            dconv(face, hnet(sound)) for dconv, hnet, face, sound in zip(dconvs, hnets, features, audio, strict=True)
        ]
