"""Adversarial losses (Goodfellow et al. 2014, non-saturating) on a discriminator's probabilities."""

from __future__ import annotations

from torch import Tensor

from talkingface.model.losses.cross_entropy import cross_entropy


def adversarial_loss(fake_score: Tensor) -> Tensor:
    """How far the discriminator is from calling the generated frames real; scores (N, 1) in [0, 1]."""
    return cross_entropy(fake_score, 1.0)


def discriminator_losses(real_score: Tensor, fake_score: Tensor) -> dict[str, Tensor]:
    """The discriminator's two losses, `disc_real` and `disc_fake`; scores (N, 1) in [0, 1]."""
    return {"disc_real": cross_entropy(real_score, 1.0), "disc_fake": cross_entropy(fake_score, 0.0)}
