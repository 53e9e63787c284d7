"""Several processes under torchrun: who am I, and the few exchanges that training needs.

Gradients are averaged after backward instead of wrapping networks in DistributedDataParallel: recipes call losses and
several networks in any order, and stay the same code on one process and on many.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterable
from typing import TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

from talkingface.utils.errors import UserError

T = TypeVar("T")


def start(device: torch.device) -> torch.device:
    """Join the process group that torchrun announces, if any; returns this process's own device."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
        return device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    atexit.register(dist.destroy_process_group)  # its threads must end before the interpreter does
    return device


def rank() -> int:
    """Number of this process; 0 writes."""
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def barrier() -> None:
    """Wait until all have come here."""
    if world() > 1:
        dist.barrier()


def broadcast_object(value: T) -> T:
    """The first process's value, plain data, on all."""
    if world() == 1:
        return value
    held = [value]
    dist.broadcast_object_list(held, src=0)
    return held[0]


def first_decides(decide: Callable[[], T]) -> T:
    """What the first process decides, plain data, on all; where it raises a UserError, all do."""
    if world() == 1:
        return decide()
    decided: T | UserError | None = None
    if rank() == 0:
        try:
            decided = decide()
        except UserError as error:
            decided = error
    decided = broadcast_object(decided)
    if isinstance(decided, UserError):
        raise decided
    return cast(T, decided)


def broadcast_module(module: nn.Module) -> None:
    """Give all processes the first one's weights and buffers."""
    if world() > 1:
        for value in module.state_dict().values():
            dist.broadcast(value, src=0)


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace every gradient by its mean over all processes."""
    if world() == 1:
        return
    gradients: list[Tensor] = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return
    flat = _flatten_dense_tensors(gradients)
    dist.all_reduce(flat)
    flat /= world()
    for gradient, mean in zip(gradients, _unflatten_dense_tensors(flat, gradients), strict=True):
        gradient.copy_(mean)
