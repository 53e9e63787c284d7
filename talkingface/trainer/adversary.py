"""A discriminator beside a generator: one pass for both networks' losses, R1, spectral normalisation."""

# B batch, T frames, C channels, H/W pixels

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.optim import Optimizer

from talkingface.model.audio_driven_talkingface.generator_config import AdversarialConfig
from talkingface.model.checkpoint import Stateful
from talkingface.model.layers.conv import wide
from talkingface.model.losses import adversarial_loss, discriminator_losses
from talkingface.trainer.schedule import make_optimizer

SURE = 1e-6
"""Probabilities are kept this far from 0 and 1 where a discriminator gives no logits."""


@dataclass(frozen=True)
class Adversary:
    """A discriminator and its optimizer, trained beside a generator.

    The network is reached by what it is wanted for, so that no gradient is computed in vain.
    """

    network: nn.Module
    optimizer: Optimizer

    @classmethod
    def of(cls, network: nn.Module, recipe: AdversarialConfig) -> Adversary:
        """With a new optimizer of the recipe's kind and `disc_learning_rate`, for a network on its device."""
        if recipe.spectral_norm:
            normalise_spectra(network)
        return cls(network, make_optimizer(network, recipe, learning_rate=recipe.disc_learning_rate))

    def frozen(self) -> nn.Module:
        """The discriminator for the generator's loss: its own weights get no gradients."""
        return self.network.requires_grad_(False)

    def learning(self) -> nn.Module:
        """The discriminator for its own loss."""
        return self.network.requires_grad_(True)

    def state(self) -> dict[str, Stateful]:
        """What a checkpoint keeps of it."""
        return {"discriminator": self.network, "discriminator_optimizer": self.optimizer}


def make_discriminator(kind: type[nn.Module], recipe: AdversarialConfig) -> nn.Module:
    """A discriminator as `Adversary` trains it, with the names that its weights then have."""
    network = kind()
    if recipe.spectral_norm:
        normalise_spectra(network)
    return network


@dataclass(frozen=True)
class OnePass:
    """The verdicts on real and generated frames together, whose one backward pass serves both networks.

    Of a discriminator that judges each frame by itself (`judges_each_frame`), with one verdict p a frame, the
    discriminator's loss -log(1 - p) has the gradient p at the verdict's logit and the generator's -log p has p - 1: the
    gradient at a frame for the one is that for the other times (p - 1) / p. So what took three passes forward and three
    back (two of them half) takes one on twice the frames.

    Make it, let the optimizer go back through `losses`, then take `generator_loss`.
    """

    faces: Tensor
    """(B, 3, T, H, W) generated, a leaf that takes the gradient."""
    probability: Tensor
    """(B, 1, T, 1, 1) of being real, without gradient."""
    losses: dict[str, Tensor]
    """The discriminator's, to go back through."""

    @classmethod
    def over(cls, discriminator: nn.Module, real: Tensor, fake: Tensor) -> OnePass | None:
        """Judge (B, 3, T, H, W) real and generated frames; None where each has more than one verdict."""
        faces = fake.detach().requires_grad_()
        scores = discriminator(torch.cat([real, faces]))
        count, frames = fake.shape[0], fake.shape[2]
        if scores.shape != (2 * count * frames, 1):
            return None
        of_real, of_fake = scores.unflatten(0, (frames, 2 * count)).split(count, dim=1)  # time-major
        probability = of_fake.detach().transpose(0, 1).reshape(count, 1, frames, 1, 1)
        return cls(faces, probability, discriminator_losses(of_real.flatten(0, 1), of_fake.flatten(0, 1)))

    def generator_loss(self, fake: Tensor, share: Tensor | float) -> Tensor:
        """How far the generated frames are from being called real, with its gradient at `fake`.

        Args:
            fake: that were judged, with the generator's graph.
            share: factor of the loss that the optimizer went back through, such as the scale of fp16.
        """
        assert self.faces.grad is not None, "the discriminator's losses come first"
        p = wide(self.probability)
        ratio = torch.where(p > 0, (p - 1) / p, 0.0)
        gradient = self.faces.grad * (ratio / share)
        return WithGradient.apply(fake, adversarial_loss(self.probability), gradient)


class WithGradient(torch.autograd.Function):
    """A value whose gradient is known."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, value: Tensor, gradient: Tensor) -> Tensor:
        ctx.save_for_backward(gradient)
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return outputs[0] * gradient, None, None


def sum_of(losses: Mapping[str, Tensor]) -> Tensor:
    """The sum of a discriminator's losses."""
    return torch.stack(list(losses.values())).sum()


def r1_losses(discriminator: nn.Module, real: Tensor, recipe: AdversarialConfig, step: int) -> dict[str, Tensor]:
    """`r1` with its weight, every `r1_every` steps and then for all of them; else nothing."""
    if recipe.r1_weight == 0 or step % recipe.r1_every:
        return {}
    return {"r1": recipe.r1_weight * recipe.r1_every * r1_penalty(discriminator, real)}


def r1_penalty(discriminator: nn.Module, real: Tensor) -> Tensor:
    """R1 (Mescheder et al. 2018, arXiv 1801.04406, equation 9): half the squared gradient at real faces, their mean.

    Args:
        discriminator: learning; its own code is called, as compiled code cannot be differentiated twice.
        real: (B, 3, T, H, W) or (B, 3, H, W).
    """
    faces = real.detach().requires_grad_()
    with torch.autocast(real.device.type, enabled=False):  # gradients of gradients are small
        network: Any = discriminator
        if getattr(network, "gives_logits", False):
            logits = network.forward(faces, as_logits=True)
        else:
            logits = torch.logit(network.forward(faces), eps=SURE)
        (gradient,) = torch.autograd.grad(logits.sum(), faces, create_graph=True)
    frames = faces.numel() // (faces.shape[-1] * faces.shape[-2] * faces.shape[1])
    return gradient.square().sum() / (2 * frames)


def normalise_spectra(network: nn.Module) -> None:
    """Divide each convolution's weights by their largest singular value (Miyato et al. 2018, arXiv 1802.05957)."""
    for layer in list(network.modules()):
        if isinstance(layer, nn.Conv2d) and not hasattr(layer, "parametrizations"):
            spectral_norm(layer)
