"""The network by which sound controls a face's features (HyperLips, section 3.2)."""

# B batch, C channels, H/W pixels, M mel bins (80), S mel steps (16)

from __future__ import annotations

from torch import Tensor, nn

from talkingface.model.layers.hyperconv import ConditionNet, HyperBlock
from talkingface.model.layers.lraspp import LRASPP
from talkingface.model.layers.mobilenetv3 import CHANNELS, MobileNetV3Large

MEL_CELLS = (40 * 8, 20 * 4, 10 * 2, 5 * 1)
"""Positions in the four audio maps of an 80x16 mel."""


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
