"""Training of LiteLips: L1 with a weight of its own; a sync expert and a patch discriminator where they get one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from talkingface.model.audio_driven_talkingface.litelips_config import LiteLipsConfig
from talkingface.model.layers.mouth_discriminator import MouthDiscriminator
from talkingface.trainer.generator_trainer import GeneratorTrainer


class LiteLipsTrainer(GeneratorTrainer):
    """The discriminator looks at patches of the mouth's region alone, at full size: teeth and lip edges."""

    new_discriminator = MouthDiscriminator

    def l1_weight(self, others: Mapping[str, float]) -> float:
        return cast(LiteLipsConfig, self.weights).l1_weight
