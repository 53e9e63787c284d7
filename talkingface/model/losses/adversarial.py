"""Adversarial losses: non-saturating (Goodfellow et al. 2014) and relativistic average, and the entropy below them.

The relativistic ones (Jolicoeur-Martineau 2018, arXiv 1807.00734, equations 6 and 7) compare each verdict with the
mean verdict on the other side. With C the discriminator's output before its Sigmoid s, and xr, xf real and generated
faces:

    L_D = -mean log s(C(xr) - mean C(xf)) - mean log(1 - s(C(xf) - mean C(xr)))
    L_G = the same with the two labels swapped

each halved here, as the published HyperLips code does. That code puts D = s(C) where the formula has C: differences
then lie in (-1, 1), the losses never leave (0.31, 1.31) and a sure discriminator gives almost no gradient. Which of
the two is compared is the caller's choice, so that the original can be repeated.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from talkingface.model.layers.conv import wide


def adversarial_loss(fake_score: Tensor) -> Tensor:
    """How far the discriminator is from calling the generated frames real; scores (N, 1) in [0, 1]."""
    return cross_entropy(fake_score, 1.0)


def discriminator_losses(real_score: Tensor, fake_score: Tensor) -> dict[str, Tensor]:
    """The discriminator's two losses, `disc_real` and `disc_fake`; scores (N, 1) in [0, 1]."""
    return {"disc_real": cross_entropy(real_score, 1.0), "disc_fake": cross_entropy(fake_score, 0.0)}


def relativistic_loss(real: Tensor, fake: Tensor, *, real_is: float) -> Tensor:
    """Half the cross entropy of how much more real each side is than the other's mean.

    Args:
        real: (N, 1) verdicts on real faces.
        fake: (N, 1) verdicts on generated faces.
        real_is: label of the real ones: 1 for the discriminator, 0 for the generator.
    """
    with torch.autocast(real.device.type, enabled=False):
        real, fake = wide(real), wide(fake)
        of_real, of_fake = real - fake.mean(), fake - real.mean()
        return (_entropy(of_real, real_is) + _entropy(of_fake, 1 - real_is)) / 2


def _entropy(logits: Tensor, label: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def cross_entropy(probability: Tensor, target: Tensor | float) -> Tensor:
    """Mean binary cross entropy, in float32 or better whatever the autocast state.

    Args:
        probability: any shape, in [0, 1].
        target: the same shape, or one number for all.
    """
    with torch.autocast(probability.device.type, enabled=False):
        given = wide(probability)
        wanted = target.to(given.dtype) if isinstance(target, Tensor) else torch.full_like(given, target)
        return F.binary_cross_entropy(given, wanted)
