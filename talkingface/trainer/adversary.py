"""A discriminator and its optimizer, which a recipe trains beside its generator."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn
from torch.optim import Optimizer

from talkingface.model.audio_driven_talkingface.adversarial_config import AdversarialConfig
from talkingface.trainer.checkpoint import Stateful
from talkingface.trainer.optimizer import make_optimizer


@dataclass(frozen=True)
class Adversary:
    """The network is reached by what it is wanted for, so that no gradient is computed in vain."""

    network: nn.Module
    optimizer: Optimizer

    @classmethod
    def of(cls, network: nn.Module, recipe: AdversarialConfig) -> Adversary:
        """With a new optimizer of the recipe's kind and `disc_learning_rate`, for a network on its device."""
        return cls(network, make_optimizer(network, recipe, learning_rate=recipe.disc_learning_rate))

    def judging(self) -> nn.Module:
        """The discriminator for the generator's loss: its own weights get no gradients."""
        return self.network.requires_grad_(False)

    def learning(self) -> nn.Module:
        """The discriminator for its own loss."""
        return self.network.requires_grad_(True)

    def state(self) -> dict[str, Stateful]:
        """What a checkpoint keeps of it."""
        return {"discriminator": self.network, "discriminator_optimizer": self.optimizer}
