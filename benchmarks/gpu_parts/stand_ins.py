"""Networks of a few weights with the calls of the real ones: they let the whole benchmark run in seconds on a CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from talkingface.batch import GT, GT_IMG, HYPER_IMG, INPUT_FRAMES
from talkingface.config.schema import Config
from talkingface.model.audio_driven_talkingface.syncnet import SyncNet_color
from talkingface.model.base import AbstractTalkingFace
from talkingface.model.layers.conv import fold_frames, split_frames
from talkingface.model.losses import l1_loss, sync_loss


class SmallGenerator(AbstractTalkingFace):
    """One convolution with batch statistics."""

    def __init__(self, config: Config) -> None:
        super().__init__(config.model)
        self.draws = nn.Sequential(nn.Conv2d(6, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Sigmoid())

    def infer(self, batch: Mapping[str, Tensor]) -> Tensor:
        frames = batch[INPUT_FRAMES]
        if frames.dim() == 4:
            drawn: Tensor = self.draws(frames)
            return drawn
        return split_frames(self.draws(fold_frames(frames)), frames.shape[2])

    def calculate_loss(self, batch: Mapping[str, Tensor], valid: bool = False) -> dict[str, Tensor]:
        loss = l1_loss(self.infer(batch), batch[GT])
        return {"l1": loss, "loss": loss}


class SmallDecoder(AbstractTalkingFace):
    """One convolution, then as large as wanted."""

    best_detail: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__(config.model)
        self.draws = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Sigmoid())
        self.register_buffer("best_detail", torch.ones(()))

    def infer(self, batch: Mapping[str, Tensor]) -> Tensor:
        return F.interpolate(self.draws(batch[HYPER_IMG]), self.config.img_size)

    def calculate_loss(self, batch: Mapping[str, Tensor], valid: bool = False) -> dict[str, Tensor]:
        loss = l1_loss(self.infer(batch), batch[GT_IMG])
        return {"l1": loss, "loss": loss}


class SmallExpert(SyncNet_color):
    """Two linear layers, of sound and face."""

    def __init__(self, config: Config, face_size: tuple[int, int]) -> None:
        AbstractTalkingFace.__init__(self, config.model)
        self.face_size = face_size
        self.audio, self.face = nn.LazyLinear(4), nn.LazyLinear(4)
        self(torch.zeros(1, 1, 80, 16), torch.zeros(1, 3 * self.num_frames, *self.face_size))

    def embed_audio(self, mel: Tensor) -> Tensor:
        return F.normalize(self.audio(mel.flatten(1)).float().relu() + 0.1, dim=1)

    def embed_face(self, face: Tensor) -> Tensor:
        return F.normalize(self.face(face.flatten(1)).float().relu() + 0.1, dim=1)

    def generated_loss(self, mel: Tensor, frames: Tensor) -> Tensor:
        return sync_loss(*self(mel, self.window(frames)), 1.0)


class SmallDiscriminator(nn.Module):
    """One convolution; of windows of frames or single ones."""

    judges_each_frame = gives_logits = True

    def __init__(self) -> None:
        super().__init__()
        self.judges = nn.Conv2d(3, 1, 3, stride=8)

    def forward(self, faces: Tensor, *, as_logits: bool = False) -> Tensor:
        frames = fold_frames(faces) if faces.dim() == 5 else faces
        logits: Tensor = self.judges(frames).float().mean(dim=(2, 3))
        return logits if as_logits else logits.sigmoid()

    def logits(self, faces: Tensor) -> Tensor:
        return self(faces, as_logits=True)


def small_networks(model: str, config: Config) -> tuple[AbstractTalkingFace, dict[str, Any]]:
    """Stand-ins for a model and the parts that its recipe needs."""
    expert = SmallExpert(config, (48, 96) if "Wav2Lip" in model else (64, 128))
    if model.startswith("SyncNet"):
        return expert, {}
    if model == "HyperLipsHR":
        return SmallDecoder(config), {"discriminator": SmallDiscriminator()}
    return SmallGenerator(config), {"expert": expert, "discriminator": SmallDiscriminator()}
