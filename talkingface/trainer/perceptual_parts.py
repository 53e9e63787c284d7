"""The pretrained networks that a recipe's perceptual losses look through: which it wants, their files, loading them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from torch import nn

from talkingface.model.audio_driven_talkingface.hyperlipshr_config import HyperLipsHRConfig
from talkingface.model.losses.perceptual import (
    LPIPS_HEADS,
    VGG16,
    VGG19,
    find_weights_file,
    load_content,
    load_lpips,
)

PERCEPTUAL = ("vgg", "lip_lpips")
"""Losses that look through pretrained networks."""
_LOAD: dict[str, Callable[..., nn.Module]] = {"vgg": load_content, "lip_lpips": load_lpips}


def weights_files(
    recipe: HyperLipsHRConfig, losses: Mapping[str, float], checkpoints_dir: str
) -> dict[str, list[Path]]:
    """Files of pretrained weights by the loss that wants them.

    Args:
        recipe: its `vgg19_weights`, `vgg16_weights`, `lpips_weights` name files, or none for the usual places.
        losses: the recipe's losses that have a weight.
        checkpoints_dir: one of the usual places.

    Raises:
        MissingWeightsError: one is not there.
    """
    places = {
        "vgg": [(VGG19, recipe.vgg19_weights)],
        "lip_lpips": [(VGG16, recipe.vgg16_weights), (LPIPS_HEADS, recipe.lpips_weights)],
    }
    return {
        loss: [find_weights_file(file, given, checkpoints_dir) for file, given in files]
        for loss, files in places.items()
        if loss in losses
    }


def load_part(loss: str, files: list[Path], *, as_published: bool) -> nn.Module:
    """The network of a perceptual loss, see `weights_files`; `as_published` shows it BGR in [0, 1].

    Raises:
        MissingWeightsError: a file holds something else.
    """
    return _LOAD[loss](*files, as_published=as_published)
