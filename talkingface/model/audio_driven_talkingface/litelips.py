"""LiteLips: a small network that draws the lower half of one person's face from the sound, fast on CPUs too.

Faces are folded into a quarter of their size before the first convolution, and unfolded after the last; all work is
dense 3x3 convolutions of few pixels and many channels, which matrix units (AMX, tensor cores) do best. The sound scales
and shifts the features of every block that draws (FiLM, Perez et al. 2018, arXiv 1709.07871).
"""

# B batch, T frames, C channels, H/W pixels, M mel bins (80), S mel steps (16 and the context on both sides)

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from talkingface.batch import GT, INDIV_MELS, INPUT_FRAMES
from talkingface.config.schema import Config
from talkingface.model.audio_driven_talkingface.litelips_config import LiteLipsConfig
from talkingface.model.base import AbstractTalkingFace, recipe
from talkingface.model.layers.conv import Conv, fold_frames, fold_mels, split_frames, wide
from talkingface.model.losses import l1_loss
from talkingface.utils.media.mel import MEL_BINS, MEL_STEPS

__all__ = ["LiteLips", "LiteLipsConfig"]

FOLD = 4
"""Pixels of a side that are folded into channels."""
SPARE_ROWS = 2
"""Rows of folded pixels above the lower half that the last block still sees, so that the halves join without a seam."""
SOUND_CHANNELS = (32, 64, 128, 256)
SOUND_STRIDES = ((2, 2), (2, 1), (2, 2), (2, 2))
SOUND_SIZE = 512
"""Numbers that a window of sound becomes."""


class SoundEncoder(nn.Module):
    """(B, 1, M, S) to (B, SOUND_SIZE)."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        cin, height, width = 1, MEL_BINS, steps
        for cout, stride in zip(SOUND_CHANNELS, SOUND_STRIDES, strict=True):
            layers.append(Conv(cin, cout, 3, stride=stride, padding=1))
            cin, height, width = cout, -(-height // stride[0]), -(-width // stride[1])
        layers.append(Conv(cin, cin, 3, padding=1, residual=True))
        self.convs = nn.Sequential(*layers)
        self.project = nn.Linear(cin * height * width, SOUND_SIZE)

    def forward(self, mel: Tensor) -> Tensor:
        """(B, 1, M, S) in [-4, 4] -> (B, SOUND_SIZE)."""
        return F.relu(self.project(self.convs(mel).flatten(1)))


class Block(nn.Module):
    """Two convolutions, the input added; between them the sound scales and shifts, where there is one."""

    def __init__(self, channels: int, *, hears: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels)
        self.film = nn.Linear(SOUND_SIZE, 2 * channels) if hears else None

    def forward(self, x: Tensor, sound: Tensor | None = None) -> Tensor:
        """(B, C, H, W) and (B, SOUND_SIZE) -> (B, C, H, W)."""
        inner = self.first_norm(self.first(x))
        if self.film is not None and sound is not None:
            scale, shift = self.film(sound)[:, :, None, None].chunk(2, dim=1)
            inner = inner * (1 + scale) + shift
        return F.relu(x + self.second_norm(self.second(F.relu(inner))))


class Enlarge(nn.Module):
    """Twice the size, half the channels, with what the encoder saw at that size added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spread = nn.Conv2d(channels, 2 * channels, 1)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """(B, C, H, W) and (B, C/2, 2H, 2W) -> (B, C/2, 2H, 2W)."""
        return F.relu(F.pixel_shuffle(self.spread(x), 2) + seen)


class LiteLips(AbstractTalkingFace):
    """Fold, encode, let the sound move the features, decode the lower half; the upper half passes through."""

    config: LiteLipsConfig

    def __init__(self, config: Config | LiteLipsConfig | None = None) -> None:
        super().__init__(recipe(config, LiteLipsConfig))
        quarter, eighth, sixteenth = (self.config.channels * k for k in (1, 2, 4))
        self.sound = SoundEncoder(MEL_STEPS + 2 * self.config.mel_context)
        self.stem = Conv(6 * FOLD**2, quarter, 1)
        self.see_quarter = Block(quarter, hears=False)
        self.to_eighth = Conv(quarter, eighth, 3, stride=2, padding=1)
        self.see_eighth = Block(eighth, hears=False)
        self.to_sixteenth = Conv(eighth, sixteenth, 3, stride=2, padding=1)
        self.draw_sixteenth = nn.ModuleList(Block(sixteenth, hears=True) for _ in range(2))
        self.up_eighth = Enlarge(sixteenth)
        self.draw_eighth = Block(eighth, hears=True)
        self.up_quarter = Enlarge(eighth)
        self.draw_quarter = Block(quarter, hears=True)
        self.to_colours = nn.Conv2d(quarter, 3 * FOLD**2, 3, padding=1)
        self.to(memory_format=torch.channels_last)  # the faster layout, on CPU and GPU

    def forward(self, mel: Tensor, face: Tensor) -> Tensor:
        """Draw the faces that fit the sound.

        Args:
            mel: (B, 1, M, S) or (B, T, 1, M, S) in [-4, 4].
            face: (B, 6, H, W) or (B, 6, T, H, W) in [0, 1]: target with its lower half zero, then reference.

        Returns:
            (B, 3, H, W) or (B, 3, T, H, W) in [0, 1]; the upper half is the target's.
        """
        if face.dim() == 4:
            return self._draw(mel, face)
        return split_frames(self._draw(fold_mels(mel), fold_frames(face)), face.shape[2])

    def _draw(self, mel: Tensor, face: Tensor) -> Tensor:
        half = face.shape[-2] // 2
        sound = self.sound(mel)
        folded = F.pixel_unshuffle(face, FOLD).contiguous(memory_format=torch.channels_last)
        at_quarter = self.see_quarter(self.stem(folded))
        at_eighth = self.see_eighth(self.to_eighth(at_quarter))
        x = self.to_sixteenth(at_eighth)
        for block in self.draw_sixteenth:
            x = block(x, sound)
        x = self.draw_eighth(self.up_eighth(x, at_eighth), sound)
        x = self.up_quarter(x, at_quarter)
        x = self.draw_quarter(x[:, :, half // FOLD - SPARE_ROWS :], sound)
        colours = self.to_colours(x)[:, :, SPARE_ROWS:]
        with torch.autocast(face.device.type, enabled=False):  # half precision has fewer levels than a pixel
            lower = torch.sigmoid(wide(F.pixel_shuffle(colours, FOLD)))
            return torch.cat([face[:, :3, :half], lower], dim=2)

    def calculate_loss(self, batch: Mapping[str, Tensor], valid: bool = False) -> dict[str, Tensor]:
        """Reconstruction only, `l1` and the same as `loss`; other terms need the trainer's parts."""
        loss = l1_loss(self.infer(batch), batch[GT], mouth_weight=self.config.mouth_weight)
        return {"l1": loss, "loss": loss}

    def infer(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Frames for `indiv_mels` and `input_frames`; shapes as in `forward`."""
        return self(batch[INDIV_MELS], batch[INPUT_FRAMES])
