"""Recipe of HyperLipsBase. Apart from the network, so that reading a configuration imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from talkingface.config.kinds import LossWeight
from talkingface.model.audio_driven_talkingface.generator_config import GeneratorConfig


@dataclass(frozen=True, kw_only=True)
class HyperLipsBaseConfig(GeneratorConfig):
    """0.77 L1 + 0.03 sync + 0.2 adversarial (HyperLips, section 3.2)."""

    train_batch_size: int = 28
    adam_beta1: float = 0.5
    l1_weight: LossWeight[float] = 0.77
    """Weight of the pixels' L1."""
    sync_weight: float = 0.03
    adversarial_weight: float = 0.2
    disc_learning_rate: float = 5e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.l1_weight < 0:
            raise ValueError(f"l1_weight: wanted 0 or more, got {self.l1_weight}")
