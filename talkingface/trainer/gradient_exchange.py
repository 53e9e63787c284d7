"""Gradients of several processes, averaged while the backward pass still goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors
from torch.optim import Optimizer

from talkingface.trainer import distributed

BUCKET = 32 << 20
"""Bytes of gradients that are exchanged together."""


class GradientExchange:
    """Replaces the gradients of some weights by their means over all processes.

    Weights are put into buckets, last ones first, as the backward pass reaches them. A bucket whose gradients are
    there, and those before it, is sent at once, so that the exchange overlaps with the rest of the pass. All
    processes send the same buckets in the same order; weights without a gradient, which are the same everywhere, are
    left alone.

    Args:
        weights: of one optimizer.
    """

    def __init__(self, weights: Sequence[nn.Parameter], *, bucket_bytes: int = BUCKET) -> None:
        self.buckets = _buckets(weights, bucket_bytes)
        self._bucket_of = {weight: number for number, bucket in enumerate(self.buckets) for weight in bucket}
        self._missing: list[int] = []
        self._next = 0
        self._sent: list[tuple[list[Tensor], Tensor, dist.Work]] = []
        self._active = False
        if distributed.world() > 1:
            for weight in self._bucket_of:
                weight.register_post_accumulate_grad_hook(self._note)

    @contextmanager
    def during_backward(self) -> Iterator[None]:
        """Runs the backward pass after which every gradient is final; on leaving, gradients are means."""
        if distributed.world() == 1:
            yield
            return
        self._missing, self._next = [len(bucket) for bucket in self.buckets], 0
        self._sent, self._active = [], True
        try:
            yield
        finally:
            self._active = False
        while self._next < len(self.buckets):  # with weights that this pass did not reach
            self._send()
        for gradients, flat, work in self._sent:
            work.wait()
            flat /= distributed.world()
            for gradient, mean in zip(gradients, _unflatten_dense_tensors(flat, gradients), strict=True):
                gradient.copy_(mean)
        self._sent = []

    def _note(self, weight: Tensor) -> None:
        """Called by autograd when a weight's gradient has been added to."""
        if not self._active:
            return
        self._missing[self._bucket_of[weight]] -= 1  # type: ignore[index]
        while self._next < len(self.buckets) and self._missing[self._next] == 0:
            self._send()

    def _send(self) -> None:
        bucket = self.buckets[self._next]
        self._next += 1
        gradients = [weight.grad for weight in bucket if weight.grad is not None]
        if not gradients:
            return
        flat = _flatten_dense_tensors(gradients)
        work = dist.all_reduce(flat, async_op=True)
        assert work is not None
        self._sent.append((gradients, flat, work))


class Exchanges:
    """One for each optimizer of a training, made when first asked for."""

    def __init__(self) -> None:
        self._of: dict[Optimizer, GradientExchange] = {}

    def of(self, optimizer: Optimizer) -> GradientExchange:
        """The optimizer's."""
        if optimizer not in self._of:
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            self._of[optimizer] = GradientExchange(weights)
        return self._of[optimizer]


def _buckets(weights: Sequence[nn.Parameter], size: int) -> list[list[nn.Parameter]]:
    """Weights of one type in the order of the backward pass, about `size` bytes together."""
    buckets: list[list[nn.Parameter]] = []
    held = 0
    kind: torch.dtype | None = None
    for weight in reversed(weights):
        if not buckets or held >= size or weight.dtype != kind:
            buckets.append([])
            held, kind = 0, weight.dtype
        buckets[-1].append(weight)
        held += weight.numel() * weight.element_size()
    return buckets
