"""Recipes of Wav2Lip and Wav2Lip+GAN. Apart from the network, so that reading a configuration imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from talkingface.model.audio_driven_talkingface.generator_config import GeneratorConfig

IMG_SIZE = 96
"""The only size of faces that the network's layers fit."""


@dataclass(frozen=True, kw_only=True)
class Wav2LipConfig(GeneratorConfig):
    """(1 - w) L1 + w sync; w is 0 until the expert is content with the validation's lips, then `sync_weight`."""

    img_size: int = IMG_SIZE
    mel_pad_mode: Literal["constant", "reflect"] = "reflect"
    sync_weight: float = 0.01
    sync_threshold: float | None = 0.75
    """Validation sync loss under which the expert's loss begins to count, and then stays; none: at
    `sync_start_step`."""
    adversarial_weight: float = 0.0
    disc_learning_rate: float = 1e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.img_size != IMG_SIZE:
            raise ValueError(f"img_size: the network draws faces of {IMG_SIZE} px only, got {self.img_size}")
        if self.sync_weight + self.adversarial_weight + self.gradient_weight > 1:
            raise ValueError(
                "sync_weight, adversarial_weight and gradient_weight: wanted a sum of at most 1; what is left is L1's"
            )


@dataclass(frozen=True, kw_only=True)
class Wav2LipGANConfig(Wav2LipConfig):
    """w sync + 0.07 adversarial + (0.93 - w) L1, both optimizers with a first-moment decay of 0.5."""

    adam_beta1: float = 0.5
    sync_weight: float = 0.03
    adversarial_weight: float = 0.07
