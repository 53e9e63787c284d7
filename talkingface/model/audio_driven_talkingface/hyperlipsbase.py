"""HyperLipsBase (Chen et al. 2023, arXiv 2310.05720): the sound makes the convolutions that redraw the face."""

# B batch, T frames, C channels, H/W pixels, M mel bins (80), S mel steps (16)

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from talkingface.batch import GT, INDIV_MELS, INPUT_FRAMES
from talkingface.config.schema import Config
from talkingface.model.audio_driven_talkingface.hyperlipsbase_config import HyperLipsBaseConfig
from talkingface.model.base import AbstractTalkingFace, recipe
from talkingface.model.layers.conv import Conv, fold_frames, fold_mels, split_frames, wide
from talkingface.model.layers.hyperconv import HyperControlNet
from talkingface.model.layers.lower_half_discriminator import LowerHalfDiscriminator
from talkingface.model.layers.mobilenetv3 import CHANNELS, LRASPP, MobileNetV3Large
from talkingface.model.layers.recurrent_decoder import RecurrentDecoder
from talkingface.model.losses import l1_loss

__all__ = ["HyperCtrolDiscriminator", "HyperLipsBase", "HyperLipsBaseConfig"]


class HyperLipsBase(AbstractTalkingFace):
    """Encode the face, convolve its features with kernels made from the sound, decode."""

    config: HyperLipsBaseConfig

    def __init__(self, config: Config | HyperLipsBaseConfig | None = None) -> None:
        super().__init__(recipe(config, HyperLipsBaseConfig))
        face_channels = (*CHANNELS[:3], 128)
        self.up_conv = nn.Sequential(*(Conv(64, 64, 3, padding=1, residual=True) for _ in range(2)))
        self.output_block = nn.Sequential(Conv(64, 32, 3, padding=1), nn.Conv2d(32, 3, 1), nn.Sigmoid())
        self.face_encoder = MobileNetV3Large(6)
        self.aspp = LRASPP(CHANNELS[-1], face_channels[-1])
        self.hyper_control_net = HyperControlNet(face_channels)
        self.decoder = RecurrentDecoder(face_channels[:3], face_channels[-1], 6, (80, 40, 32, 64))
        self.to(memory_format=torch.channels_last)  # the faster layout, on CPU and GPU

    def forward(self, mel: Tensor, face: Tensor) -> Tensor:
        """Draw the faces that fit the sound.

        Args:
            mel: (B, 1, M, S) or (B, T, 1, M, S) in [-4, 4].
            face: (B, 6, H, W) or (B, 6, T, H, W) in [0, 1]: target with its lower half zero, then reference.

        Returns:
            (B, 3, H, W) or (B, 3, T, H, W) in (0, 1).
        """
        if face.dim() == 4:
            return self._draw(mel, face)
        return split_frames(self._draw(fold_mels(mel), fold_frames(face)), face.shape[2])

    def _draw(self, mel: Tensor, face: Tensor) -> Tensor:
        face = face.contiguous(memory_format=torch.channels_last)
        features = self.face_encoder(face)
        features[-1] = self.aspp(features[-1])
        controlled = self.hyper_control_net(mel, features)
        hidden, to_colours, squash = self.output_block
        drawn = hidden(self.up_conv(self.decoder(face, controlled)))
        with torch.autocast(drawn.device.type, enabled=False):  # half precision has fewer levels than a pixel
            out: Tensor = squash(to_colours(wide(drawn)))
        return out

    @property
    def segments(self) -> list[nn.Module]:
        """The largest maps, of the input's side and half of it; see trainer/placing.py."""
        encoder, decoder = self.face_encoder.features, self.decoder
        return [*encoder[:4], self.hyper_control_net.dconv_down0, decoder.decode1, decoder.decode0, self.up_conv]

    def calculate_loss(self, batch: Mapping[str, Tensor], valid: bool = False) -> dict[str, Tensor]:
        """Reconstruction only, `l1` and the same as `loss`; sync and adversarial terms need the trainer's parts."""
        loss = l1_loss(self.infer(batch), batch[GT], mouth_weight=self.config.mouth_weight)
        return {"l1": loss, "loss": loss}

    def infer(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Frames for `indiv_mels` and `input_frames`; shapes as in `forward`."""
        return self(batch[INDIV_MELS], batch[INPUT_FRAMES])


class HyperCtrolDiscriminator(LowerHalfDiscriminator):
    """HyperLips's: averages over the picture before its verdict."""

    enlarged = (64, 128)
    averages = True
