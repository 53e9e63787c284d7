"""Training of HyperLipsBase (arXiv 2310.05720, section 3.2): 0.77 L1 + 0.03 sync + 0.2 adversarial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from talkingface.model.audio_driven_talkingface.hyperlipsbase import HyperCtrolDiscriminator
from talkingface.model.audio_driven_talkingface.hyperlipsbase_config import HyperLipsBaseConfig
from talkingface.trainer.generator_trainer import GeneratorTrainer


class HyperLipsBaseTrainer(GeneratorTrainer):
    """L1 has a weight of its own."""

    new_discriminator = HyperCtrolDiscriminator

    def l1_weight(self, others: Mapping[str, float]) -> float:
        return cast(HyperLipsBaseConfig, self.weights).l1_weight
