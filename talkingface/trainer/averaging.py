"""An average of the weights over the last steps (EMA), which draws steadier faces than the weights of any one step.

    average <- d average + (1 - d) weights      d = min(ema_decay, (1 + n) / (10 + n)) after n steps

The smaller share at first lets the average forget the weights that training began with. Buffers, such as the
statistics of batch normalisation, are not averaged: they are the network's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from talkingface.utils.errors import CheckpointError


class AveragedWeights:
    """The average of a network's trained weights.

    All processes of a training hold equal weights, so each averages for itself.

    Args:
        model: the network as it starts, on its device.
        decay: share of the average that a step leaves, above 0 and under 1.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model, self.decay = model, decay
        self._names = [name for name, weight in model.named_parameters() if weight.requires_grad]
        self._average = [weight.detach().clone() for weight in self._weights()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the network's weights after a step, the first of which is 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._average, self._weights(), 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The network draws with the average inside the block; its own weights are put back bit for bit."""
        own = [weight.detach().clone() for weight in self._weights()]
        self._put(self._average)
        try:
            yield
        finally:
            self._put(own)

    def drawing_weights(self) -> dict[str, Tensor]:
        """The network's `state_dict` with the average in the place of the weights."""
        return {**self.model.state_dict(), **dict(zip(self._names, self._average, strict=True))}

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return dict(zip(self._names, self._average, strict=True))

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """From a checkpoint.

        Raises:
            CheckpointError: of other weights.
        """
        if sorted(state_dict) != sorted(self._names):
            raise CheckpointError("the checkpoint's average is of other weights than those that are trained")
        for name, value in zip(self._names, self._average, strict=True):
            value.copy_(state_dict[name])

    def _weights(self) -> list[Tensor]:
        parameters: dict[str, Tensor] = dict(self.model.named_parameters())
        return [parameters[name] for name in self._names]

    @torch.no_grad()
    def _put(self, values: list[Tensor]) -> None:
        torch._foreach_copy_(self._weights(), values)
