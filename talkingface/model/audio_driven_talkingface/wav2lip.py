"""Wav2Lip (Prajwal et al. 2020, arXiv 2008.10010): a face encoder and a sound encoder meet in a face decoder."""

# B batch, T frames, C channels, H/W pixels (96), M mel bins (80), S mel steps (16)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from talkingface.batch import GT, INDIV_MELS, INPUT_FRAMES
from talkingface.config.schema import Config
from talkingface.model.audio_driven_talkingface.wav2lip_config import Wav2LipConfig
from talkingface.model.base import AbstractTalkingFace, recipe
from talkingface.model.layers.conv import (
    Conv,
    ConvTransposed,
    conv_stack,
    fold_frames,
    fold_mels,
    map_sizes,
    split_frames,
    wide,
)
from talkingface.model.layers.lower_half_discriminator import LowerHalfDiscriminator
from talkingface.model.losses import l1_loss
from talkingface.utils.media.mel import MEL_BINS, MEL_STEPS

__all__ = ["Wav2Lip", "Wav2LipConfig", "Wav2Lip_disc_qual"]

FACE: list[list[dict[str, Any]]] = [
    [{"cin": 6, "cout": 16, "kernel": 7, "padding": 3}],
    *(
        [{"cin": cin, "cout": cout, "kernel": 3, "stride": 2, "padding": 1, "repeats": repeats}]
        for cin, cout, repeats in ((16, 32, 2), (32, 64, 3), (64, 128, 2), (128, 256, 2), (256, 512, 1))
    ),
    [{"cin": 512, "cout": 512, "kernel": 3}, {"cin": 512, "cout": 512, "kernel": 1}],
]
"""Seven blocks of the face encoder: maps of 96, 48, 24, 12, 6, 3 and 1 pixels."""
AUDIO: list[dict[str, Any]] = [
    {"cin": 1, "cout": 32, "kernel": 3, "padding": 1, "repeats": 2},
    {"cin": 32, "cout": 64, "kernel": 3, "stride": (3, 1), "padding": 1, "repeats": 2},
    {"cin": 64, "cout": 128, "kernel": 3, "stride": 3, "padding": 1, "repeats": 2},
    {"cin": 128, "cout": 256, "kernel": 3, "stride": (3, 2), "padding": 1, "repeats": 1},
    {"cin": 256, "cout": 512, "kernel": 3},
    {"cin": 512, "cout": 512, "kernel": 1},
]
UP: tuple[tuple[int, int, int], ...] = ((1024, 512, 2), (768, 384, 2), (512, 256, 2), (320, 128, 2), (160, 64, 2))
"""Channels in and out and residual blocks of the decoder's blocks that double the size."""


class Wav2Lip(AbstractTalkingFace):
    """Decode the sound's vector, joined with the face's map of the same size before each block."""

    config: Wav2LipConfig

    def __init__(self, config: Config | Wav2LipConfig | None = None) -> None:
        super().__init__(recipe(config, Wav2LipConfig))
        self.face_encoder_blocks = nn.ModuleList(conv_stack(rows) for rows in FACE)
        self.audio_encoder = conv_stack(AUDIO)
        heard = map_sizes(AUDIO, MEL_BINS, MEL_STEPS)[-1]
        assert heard == (1, 1), f"AUDIO: leaves {heard} of a {MEL_BINS}x{MEL_STEPS} mel, wanted one cell"
        self.face_decoder_blocks = nn.ModuleList(
            [
                nn.Sequential(Conv(512, 512, 1)),
                nn.Sequential(ConvTransposed(1024, 512, 3), _residual(512)),
                *(_double(cin, cout, repeats) for cin, cout, repeats in UP),
            ]
        )
        self.output_block = nn.Sequential(Conv(80, 32, 3, padding=1), nn.Conv2d(32, 3, 1), nn.Sigmoid())
        self.to(memory_format=torch.channels_last)  # the faster layout, on CPU and GPU

    def forward(self, mel: Tensor, face: Tensor) -> Tensor:
        """Draw the faces that fit the sound.

        Args:
            mel: (B, 1, M, S) or (B, T, 1, M, S) in [-4, 4].
            face: (B, 6, 96, 96) or (B, 6, T, 96, 96) in [0, 1]: target with its lower half zero, then reference.

        Returns:
            (B, 3, 96, 96) or (B, 3, T, 96, 96) in (0, 1).
        """
        if face.dim() == 4:
            return self._draw(mel, face)
        return split_frames(self._draw(fold_mels(mel), fold_frames(face)), face.shape[2])

    def _draw(self, mel: Tensor, face: Tensor) -> Tensor:
        maps = [face.contiguous(memory_format=torch.channels_last)]
        for block in self.face_encoder_blocks:
            maps.append(block(maps[-1]))
        x = self.audio_encoder(mel)
        for block in self.face_decoder_blocks:
            x = block(x)
            x = torch.cat([x, maps.pop()], dim=1)
        hidden, to_colours, squash = self.output_block
        drawn = hidden(x)
        with torch.autocast(drawn.device.type, enabled=False):  # half precision has fewer levels than a pixel
            out: Tensor = squash(to_colours(wide(drawn)))
        return out

    @property
    def segments(self) -> list[nn.Module]:
        """The blocks of the face; see trainer/placing.py."""
        return [*self.face_encoder_blocks, *self.face_decoder_blocks]

    def calculate_loss(self, batch: Mapping[str, Tensor], valid: bool = False) -> dict[str, Tensor]:
        """Reconstruction only, `l1` and the same as `loss`; sync and adversarial terms need the trainer's parts."""
        loss = l1_loss(self.infer(batch), batch[GT], mouth_weight=self.config.mouth_weight)
        return {"l1": loss, "loss": loss}

    def infer(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Frames for `indiv_mels` and `input_frames`; shapes as in `forward`."""
        return self(batch[INDIV_MELS], batch[INPUT_FRAMES])


def _residual(channels: int) -> Conv:
    return Conv(channels, channels, 3, padding=1, residual=True)


def _double(cin: int, cout: int, repeats: int) -> nn.Sequential:
    """Twice the size, then residual blocks."""
    up = ConvTransposed(cin, cout, 3, stride=2, padding=1, output_padding=1)
    return nn.Sequential(up, *(_residual(cout) for _ in range(repeats)))


class Wav2Lip_disc_qual(LowerHalfDiscriminator):  # noqa: N801  the name its users and checkpoints know
    """Wav2Lip's discriminator of visual quality."""

    enlarged = (48, 96)
    averages = False
