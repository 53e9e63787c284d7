"""Several processes under torchrun: who am I, and the few exchanges that training needs.

Gradients are averaged by gradient_exchange.py instead of wrapping networks in DistributedDataParallel: recipes call
losses and several networks in any order, and stay the same code on one process and on many.

Tensors are exchanged by the device's own backend. Waiting and plain data go through a second group, of gloo, that does
not give up: while the first process validates or saves, the others wait there, and NCCL's time limit does not run.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from talkingface.utils.errors import UserError

T = TypeVar("T")
PATIENCE = timedelta(days=7)
"""How long processes wait for each other where one of them may be at long work."""
_patient: list[dist.ProcessGroup] = []
"""The group for that, once there are several processes."""


def start(device: torch.device) -> torch.device:
    """Join the process group that torchrun announces, if any; returns this process's own device.

    Raises:
        UserError: one card was named for several processes, or there are more of them than cards.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
        return device
    if device.type == "cuda":
        device = _own_card(device, int(os.environ["LOCAL_RANK"]), torch.cuda.device_count())
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    atexit.register(dist.destroy_process_group)  # its threads must end before the interpreter does
    group = dist.new_group(backend="gloo", timeout=PATIENCE)
    assert isinstance(group, dist.ProcessGroup)
    _patient[:] = [group]
    return device


def _own_card(device: torch.device, number: int, count: int) -> torch.device:
    if device.index is not None:
        raise UserError(
            f"device: {device} names one card, and torchrun started several processes, which take one each; "
            "use --device=cuda (CUDA_VISIBLE_DEVICES chooses among the cards)"
        )
    if number >= count:
        raise UserError(
            f"torchrun: process {number + 1} of this machine has no card, there are {count}; "
            f"use --nproc_per_node={count}"
        )
    return torch.device("cuda", number)


def rank() -> int:
    """Number of this process; 0 writes."""
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def barrier() -> None:
    """Wait until all have come here."""
    if world() > 1:
        dist.barrier(group=_patient[0])


def broadcast_object(value: T) -> T:
    """The first process's value, plain data, on all."""
    if world() == 1:
        return value
    held = [value]
    dist.broadcast_object_list(held, src=0, group=_patient[0])
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


def largest(value: int) -> int:
    """The largest of all processes' values; under a millisecond on one machine, and the device goes on."""
    if world() == 1:
        return value
    held = torch.tensor([value])
    dist.all_reduce(held, dist.ReduceOp.MAX, group=_patient[0])
    return int(held)


def largest_of(values: Tensor) -> Tensor:
    """The largest of all processes' values, each for itself; on the device, which is not waited for."""
    if world() > 1:
        values = values.clone()
        dist.all_reduce(values, dist.ReduceOp.MAX)
    return values


def broadcast_module(module: nn.Module) -> None:
    """Give all processes the first one's weights and buffers."""
    if world() > 1:
        for value in module.state_dict().values():
            dist.broadcast(value, src=0)


def mean_of(values: Tensor) -> Tensor:
    """The mean of a tensor over all processes, on each of them."""
    if world() > 1:
        values = values.clone()
        dist.all_reduce(values)
        values /= world()
    return values
