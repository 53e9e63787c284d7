"""Recipe of LiteLips. Apart from the network, so that reading a configuration imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from talkingface.config.kinds import LossWeight
from talkingface.model.audio_driven_talkingface.generator_config import GeneratorConfig


@dataclass(frozen=True, kw_only=True)
class LiteLipsConfig(GeneratorConfig):
    """L1 with more weight on the mouth, one frame a sample; expert and discriminator only with a weight."""

    num_frames: int = 1
    optimizer: Literal["adam", "adamw"] = "adamw"
    learning_rate: float = 1e-3
    channels: int = 64
    """Channels at a quarter of the face's size; two and four times as many at an eighth and a sixteenth."""
    mel_context: int = 8
    """Mel steps (of 12.5 ms) that a face hears before and after the 16 of the other networks: lips move before the
    sound that they shape, and neighbouring sounds colour each other."""
    l1_weight: LossWeight[float] = 1.0
    """Weight of the pixels' L1."""
    mouth_weight: float = 8.0
    sync_weight: float = 0.0
    adversarial_weight: float = 0.0
    disc_learning_rate: float = 5e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channels <= 0 or self.channels % 8:
            raise ValueError(f"channels: wanted a positive multiple of 8, got {self.channels}")
        if self.mel_context < 0 or self.mel_context % 4:
            raise ValueError(f"mel_context: wanted 0 or a multiple of 4 mel steps, got {self.mel_context}")
        if self.l1_weight < 0:
            raise ValueError(f"l1_weight: wanted 0 or more, got {self.l1_weight}")
