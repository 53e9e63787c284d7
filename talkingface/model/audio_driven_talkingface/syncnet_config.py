"""Recipes of the lip-sync experts. Apart from the network, so that reading a configuration imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from talkingface.config.schema import ModelConfig


@dataclass(frozen=True, kw_only=True)
class SyncNetConfig(ModelConfig):
    """BCE of the cosine between a face window and a mel window, in sync or off."""

    train_batch_size: int = 64
    mirror: bool = True
    """Mirror faces at random, as HyperLips's expert was trained."""
    off_sync_sounds: int = 0
    """Sounds of other starts of the clip that each training face is held against beside its own, all for one look at
    the face, which is nearly all of a step's work. 0 gives a face one sound, in sync or off, as published."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.off_sync_sounds < 0:
            raise ValueError(f"off_sync_sounds: wanted 0 or more, got {self.off_sync_sounds}")
        if self.num_frames < 5:
            raise ValueError(f"num_frames: an expert needs 5 frames or more to judge by, got {self.num_frames}")


@dataclass(frozen=True, kw_only=True)
class SyncNetWav2LipConfig(SyncNetConfig):
    """Likewise, on faces of 96 px that are not mirrored."""

    img_size: int = 96
    mel_pad_mode: Literal["constant", "reflect"] = "reflect"
    mirror: bool = False
    """Mirror faces at random; Wav2Lip's expert was trained without."""
