"""A generator's step and then its discriminator's, as far as recipes agree about them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from talkingface.batch import Batch
from talkingface.config.schema import Config
from talkingface.model.audio_driven_talkingface.adversarial_config import AdversarialConfig
from talkingface.model.base import AbstractTalkingFace
from talkingface.model.losses import weighted_sum
from talkingface.trainer.checkpoint import Stateful
from talkingface.trainer.optimizer import make_optimizer
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.trainer import Trainer


class AdversarialTrainer(Trainer):
    """What has weight 0 is neither needed nor computed. A recipe says its losses and what they weigh at a step.

    Args:
        parts: `discriminator`, if not a new one, and what else the recipe asks for.
    """

    new_discriminator: ClassVar[type[nn.Module]]
    truth: ClassVar[str]
    """Key of a batch under which the real faces are."""
    weights: AdversarialConfig

    def __init__(
        self,
        config: Config,
        model: AbstractTalkingFace,
        *,
        run: RunFolder,
        device: torch.device,
        parts: Mapping[str, nn.Module] | None = None,
    ) -> None:
        super().__init__(config, model, run=run, device=device, parts=parts)
        self.weights = cast(AdversarialConfig, config.model)
        if self.weights.adversarial_weight > 0:
            self.discriminator = self.parts.get("discriminator") or self.place(self.new_discriminator())
            self.discriminator_optimizer = make_optimizer(
                self.discriminator, self.recipe, learning_rate=self.weights.disc_learning_rate
            )

    # What recipes say

    @abstractmethod
    def weights_at(self, step: int) -> dict[str, float]:
        """Weights of the losses that count at a step; the others are not computed."""

    @abstractmethod
    def generator_losses(self, batch: Batch, fake: Tensor, weights: Mapping[str, float]) -> dict[str, Tensor]:
        """The losses that have a weight; fake: generated faces in [0, 1], of the shape of the real ones."""

    @abstractmethod
    def discriminator_losses(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """What the discriminator learns from, each with weight 1, on faces without gradient."""

    # What they share

    def train_step(self, batch: Batch) -> dict[str, Tensor]:
        weights = self.weights_at(self.progress.step)
        with self.autocast():
            fake = self.model.infer(batch)
        losses = self.generator_losses(batch, fake, weights)
        total = weighted_sum(losses, weights)
        self.optimize(self.optimizer, total)
        if "adversarial" in weights:
            losses |= self.discriminator_step(batch[self.truth], fake.detach())
        return {"loss": total, **losses}

    def discriminator_step(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """One step of the discriminator on real and generated faces without gradient."""
        self.discriminator.requires_grad_(True)
        with self.autocast():
            losses = self.discriminator_losses(real, fake)
        self.optimize(self.discriminator_optimizer, weighted_sum(losses, dict.fromkeys(losses, 1.0)))
        return losses

    def state(self) -> dict[str, Stateful]:
        parts = super().state()
        if self.weights.adversarial_weight > 0:
            parts |= {"discriminator": self.discriminator, "discriminator_optimizer": self.discriminator_optimizer}
        return parts
