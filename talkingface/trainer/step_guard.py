"""No weight is changed by a loss or a gradient that is not finite, and the device is never waited for to see that.

The verdict stays on the device: fused optimizers skip their update where it says so, as they do for mixed precision.
It is read with the losses, when a line of the log is due.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from talkingface.trainer import distributed


class StepGuard:
    """Of one training: lets its optimizers step."""

    def __init__(self) -> None:
        self.bad: Tensor | None = None
        """() bool on the device: whether a loss or gradient of the step in hand is not finite; None before any."""

    def begin(self) -> None:
        """A step begins: what was wrong with the one before is no matter."""
        self.bad = None

    def see(self, *values: Tensor) -> None:
        """Note numbers that have to be finite, () each; once one is not, no optimizer steps before the next `begin`."""
        bad = ~torch.isfinite(torch.stack([value.detach().float() for value in values])).all()
        self.bad = bad if self.bad is None else self.bad | bad

    def step(self, optimizer: Optimizer, norm: Tensor) -> None:
        """Update the weights of an optimizer, unless something is not finite in any process.

        Args:
            optimizer: its gradients are averaged already.
            norm: their norm, () scalar.
        """
        self.see(norm)
        assert self.bad is not None
        found = distributed.largest_of(self.bad.float())
        self.bad = found > 0
        if all(group.get("fused") for group in optimizer.param_groups):
            vars(optimizer)["found_inf"] = found  # `step` looks for it: GradScaler gives it so
            try:
                optimizer.step()
            finally:
                del vars(optimizer)["found_inf"]
        elif not bool(found):
            optimizer.step()


class KeptBuffers:
    """The buffers of networks as they were before a step: statistics of a bad batch must not stay in them."""

    def __init__(self, networks: Iterable[nn.Module]) -> None:
        self._buffers = [buffer for network in networks for buffer in network.buffers()]
        self._before = [buffer.clone() for buffer in self._buffers]

    @torch.no_grad()
    def put_back_if(self, bad: Tensor | None) -> None:
        """Put them back where `bad` says so; the device is not waited for."""
        if bad is not None:
            for buffer, before in zip(self._buffers, self._before, strict=True):
                buffer.copy_(torch.where(bad, before, buffer))
