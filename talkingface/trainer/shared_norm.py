"""Batch normalisation over the samples of all processes, so that how many there are does not change what is learnt."""

# B batch, C channels

from __future__ import annotations

from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from talkingface.model.layers.conv import wide

Module = TypeVar("Module", bound=nn.Module)


def share_statistics(module: Module, device: torch.device) -> Module:
    """Let the batch normalisations inside take the statistics of all processes' samples while they train.

    On CUDA they become torch's own, elsewhere, where torch has none, `SharedBatchNorm`; weights and names stay.
    """
    if device.type == "cuda":
        return cast(Module, nn.SyncBatchNorm.convert_sync_batchnorm(module))
    for layer in module.modules():
        if isinstance(layer, _BatchNorm):
            layer.__class__ = SharedBatchNorm
    return module


class SharedBatchNorm(_BatchNorm):
    """For any device and backend; in evaluation mode, or alone, an ordinary batch normalisation."""

    def _check_input_dim(self, input: Tensor) -> None:
        pass

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, ...) -> (B, C, ...)."""
        if not self.training or not dist.is_initialized():
            return super().forward(input)
        x = wide(input)
        axes = [axis for axis in range(x.dim()) if axis != 1]
        shape = [-1 if axis == 1 else 1 for axis in range(x.dim())]
        count = x.numel() / x.shape[1] * dist.get_world_size()  # all have equal shares
        mean = SumOverProcesses.apply(x.sum(axes)) / count
        centred = x - mean.view(shape)
        variance = SumOverProcesses.apply(centred.square().sum(axes)) / count
        if self.running_mean is not None and self.running_var is not None:
            self._count(mean.detach(), variance.detach() * count / (count - 1))
        out = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out.to(input.dtype)

    @torch.no_grad()
    def _count(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        assert self.momentum is not None, "no network here averages over all batches"
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


class SumOverProcesses(torch.autograd.Function):
    """The sum of a tensor over all processes; gradients are summed likewise."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total
