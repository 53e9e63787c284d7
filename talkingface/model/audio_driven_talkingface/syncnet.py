"""SyncNet_color: the expert that tells whether five frames of a mouth and a mel window belong together.

Two variants, each a table of blocks: HyperLips's, on lower halves of 64x128, and Wav2Lip's, on those of 48x96.
"""

# B batch, T frames (5 as published), C channels, H/W pixels, M mel bins, S mel steps (16 for 5 frames)
# E embedding values (512)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from talkingface.batch import FACE_WINDOW, IN_SYNC, MELS
from talkingface.config.schema import Config
from talkingface.model.audio_driven_talkingface.syncnet_config import SyncNetConfig, SyncNetWav2LipConfig
from talkingface.model.base import AbstractTalkingFace, recipe
from talkingface.model.layers.conv import conv_stack, map_sizes, wide
from talkingface.model.losses import expert_window, sync_loss
from talkingface.utils.media.mel import MEL_BINS, MEL_STEPS

Table = list[dict[str, Any]]


FACE_64X128: Table = [
    {"cin": 3, "cout": 32, "kernel": 7, "padding": 3},
    {"cin": 32, "cout": 64, "kernel": 5, "stride": (1, 2), "padding": 1, "repeats": 2},
    {"cin": 64, "cout": 128, "kernel": 3, "stride": 2, "padding": 1, "repeats": 3},
    {"cin": 128, "cout": 256, "kernel": 3, "stride": 2, "padding": 1, "repeats": 2},
    {"cin": 256, "cout": 512, "kernel": 3, "stride": 2, "padding": 1, "repeats": 2},
    {"cin": 512, "cout": 512, "kernel": 3, "stride": 2, "padding": 1, "repeats": 2},
    {"cin": 512, "cout": 512, "kernel": 4},
    {"cin": 512, "cout": 512, "kernel": 1},
]
"""The first row's `cin` is that of one frame."""
AUDIO: Table = [
    {"cin": 1, "cout": 32, "kernel": 3, "padding": 1, "repeats": 2},
    {"cin": 32, "cout": 64, "kernel": 3, "stride": (3, 1), "padding": 1, "repeats": 2},
    {"cin": 64, "cout": 128, "kernel": 3, "stride": 3, "padding": 1, "repeats": 2},
    {"cin": 128, "cout": 256, "kernel": 3, "stride": (3, 2), "padding": 1, "repeats": 2},
    {"cin": 256, "cout": 512, "kernel": 3},
    {"cin": 512, "cout": 512, "kernel": 1},
]


class SyncNet_color(AbstractTalkingFace):  # noqa: N801  the name its users and checkpoints know
    """Two towers of convolutions that end in unit vectors without negative values."""

    face_size = (64, 128)
    """Height and width of the face window."""
    face_table = FACE_64X128
    audio_table = AUDIO

    def __init__(self, config: Config | SyncNetConfig | None = None) -> None:
        super().__init__(recipe(config, SyncNetConfig))
        first, *others = self.face_table
        self.face_encoder = conv_stack([{**first, "cin": first["cin"] * self.config.num_frames}, *others])
        self.audio_encoder = conv_stack(self.audio_table)
        heard = map_sizes(self.audio_table, MEL_BINS, MEL_STEPS)[-1]
        assert heard == (1, 1), f"audio_table: leaves {heard} of a {MEL_BINS}x{MEL_STEPS} mel, wanted one cell"

    def forward(self, mel: Tensor, face: Tensor) -> tuple[Tensor, Tensor]:
        """Embed sound and face.

        Args:
            mel: (B, 1, M, S) in [-4, 4].
            face: (B, 3*T, *face_size) in [0, 1], BGR frames stacked on the channels.

        Returns:
            Audio and face embeddings, (B, E) each, of length 1 and in [0, 1].
        """
        return self.embed_audio(mel), self.embed_face(face)

    @property
    def compiled_parts(self) -> list[nn.Module]:
        """The towers, which recipes also call one by one; see trainer/placing.py."""
        return [self.audio_encoder, self.face_encoder]

    @property
    def segments(self) -> list[nn.Module]:
        """The face's layers down to one pixel; see trainer/placing.py."""
        return list(self.face_encoder)[:-2]

    @property
    def num_frames(self) -> int:
        """Frames in a window (T)."""
        return self.config.num_frames

    def embed_audio(self, mel: Tensor) -> Tensor:
        """(B, 1, M, S) -> (B, E)."""
        return _unit(self.audio_encoder(mel))

    def embed_face(self, face: Tensor) -> Tensor:
        """(B, 3*T, *face_size) -> (B, E)."""
        return _unit(self.face_encoder(face))

    def window(self, frames: Tensor) -> Tensor:
        """Whole faces (B, 3, T, H, W) in [0, 1] -> the lower halves as `forward` wants them, (B, 3*T, *face_size)."""
        return expert_window(frames, self.face_size)

    def generated_loss(self, mel: Tensor, frames: Tensor) -> Tensor:
        """Sync loss of generated whole faces (B, 3, T, H, W) against the sound they should match, (B, 1, M, S)."""
        audio, face = self(mel, self.window(frames))
        return sync_loss(audio, face, 1.0)

    def calculate_loss(self, batch: Mapping[str, Tensor], valid: bool = False) -> dict[str, Tensor]:
        """`sync` of `face_window` and `mels` against `in_sync`, and the same as `loss`."""
        audio, face = self(batch[MELS], batch[FACE_WINDOW])
        loss = sync_loss(audio, face, batch[IN_SYNC])
        return {"sync": loss, "loss": loss}

    def infer(self, batch: Mapping[str, Tensor]) -> Tensor:
        """(B,) in [0, 1]: how well `face_window` and `mels` fit."""
        audio, face = self(batch[MELS], batch[FACE_WINDOW])
        return F.cosine_similarity(audio, face)


def _unit(features: Tensor) -> Tensor:
    """(B, E, ...) -> (B, E) of length 1, in float32 or better: half precision would round the cosine.

    Of windows longer than five frames the sound's features are averaged over the time that is left.
    """
    return F.normalize(wide(features.flatten(2)).mean(2), dim=1)


FACE_48X96: Table = [
    *FACE_64X128[:5],
    {"cin": 512, "cout": 512, "kernel": 3, "stride": 2, "padding": 1},
    {"cin": 512, "cout": 512, "kernel": 3},
    {"cin": 512, "cout": 512, "kernel": 1},
]


class SyncNetWav2Lip(SyncNet_color):
    """`SyncNet_color` of Wav2Lip; 16.44 M parameters. Its weights and HyperLips's do not interchange."""

    face_size = (48, 96)
    face_table = FACE_48X96

    def __init__(self, config: Config | SyncNetWav2LipConfig | None = None) -> None:
        super().__init__(recipe(config, SyncNetWav2LipConfig))
