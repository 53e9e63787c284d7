"""Quantities of a training that are shown beside its losses: rates of every optimizer, norms of weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from talkingface.model.checkpoint import Stateful

OWN = "optimizer"
"""Name of the model's optimizer among the parts of a training; others are `<network>_optimizer`."""


def optimizer_suffix(state: Mapping[str, Stateful], optimizer: Optimizer) -> str | None:
    """What is put behind the names of an optimizer's quantities: empty for the model's, `_discriminator` for the
    `discriminator_optimizer`; None for one that is no part of the training."""
    return next((_suffix(name) for name, part in state.items() if part is optimizer), None)


def learning_rates(state: Mapping[str, Stateful]) -> dict[str, float]:
    """`learning_rate` of the model's optimizer, `learning_rate_discriminator`, ..., as they are now."""
    optimizers = {name: part for name, part in state.items() if isinstance(part, Optimizer)}
    return {f"learning_rate{_suffix(name)}": part.param_groups[0]["lr"] for name, part in optimizers.items()}


def _suffix(name: str) -> str:
    return "" if name == OWN else f"_{name.removesuffix('_optimizer')}"


@torch.no_grad()
def weight_norms(state: Mapping[str, Stateful]) -> dict[str, Tensor]:
    """L2 norms, () scalars, of each network's weights and of each of its blocks': `model`, `model.audio_encoder`."""
    found: dict[str, Tensor] = {}
    for name, network in state.items():
        if not isinstance(network, nn.Module):
            continue
        blocks = {f"{name}.{block}": list(one.parameters()) for block, one in network.named_children()}
        blocks = {block: weights for block, weights in blocks.items() if weights}
        norms = {block: nn.utils.get_total_norm(weights) for block, weights in blocks.items()}
        own = list(network.parameters(recurse=False))
        parts = [*norms.values(), *([nn.utils.get_total_norm(own)] if own else [])]
        if parts:
            found[name] = torch.linalg.vector_norm(torch.stack(parts))
            found |= norms if len(norms) > 1 else {}
    return found
