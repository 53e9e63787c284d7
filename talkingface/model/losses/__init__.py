"""Losses: one function each, in float32 whatever the autocast state."""

from talkingface.model.losses.adversarial import (
    adversarial_loss,
    cross_entropy,
    discriminator_losses,
    relativistic_loss,
)
from talkingface.model.losses.lips import cut_lips, lip_boxes, lip_l1
from talkingface.model.losses.reconstruction import gradient_loss, l1_loss, l2_loss, mouth_map, weighted_sum
from talkingface.model.losses.sync import expert_window, sync_loss

__all__ = [
    "adversarial_loss",
    "cross_entropy",
    "cut_lips",
    "discriminator_losses",
    "expert_window",
    "gradient_loss",
    "l1_loss",
    "l2_loss",
    "lip_boxes",
    "lip_l1",
    "mouth_map",
    "relativistic_loss",
    "sync_loss",
    "weighted_sum",
]
