"""How a network is made ready to train: layout, statistics over all processes, memory saved, compiled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from talkingface.config.computing import ComputeConfig
from talkingface.trainer import distributed
from talkingface.trainer.shared_norm import share_statistics
from talkingface.utils.errors import UserError

Module = TypeVar("Module", bound=nn.Module)
MODES = {"default": "default", "max": "max-autotune-no-cudagraphs"}
"""Values of the key `compile` as torch names them."""


def place(module: Module, device: torch.device, compute: ComputeConfig) -> Module:
    """Move a network to the device, convolution weights channels-last, and prepare it as the configuration says.

    A network may name its parts for that: `compiled_parts`, the modules that recipes call (else itself), and
    `segments`, modules whose activations are worth computing twice (else none).

    Raises:
        UserError: it shall be compiled, and there is no compiler for the device.
    """
    module = module.to(device)
    for parameter in module.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    if compute.sync_batch_norm and distributed.world() > 1:
        module = share_statistics(module, device)
    if compute.checkpoint_activations:
        for segment in getattr(module, "segments", ()):
            recompute(segment)
    if compute.compile != "none":
        check_compiler(device)
        for part in getattr(module, "compiled_parts", (module,)):
            part.compile(mode=MODES[compute.compile])
    return module


def check_compiler(device: torch.device) -> None:
    """Look for what torch compiles with.

    Raises:
        UserError: on CUDA Triton is missing, which does not exist everywhere.
    """
    from importlib.util import find_spec

    if device.type == "cuda" and find_spec("triton") is None:
        raise UserError("compile: needs Triton on CUDA, and it is not installed here; use compile=none")


def recompute(segment: nn.Module) -> None:
    """Let a module keep its input alone for the backward pass, and compute the rest again there.

    Random numbers are not kept for the second time: no segment draws any.
    """
    inner = segment.forward

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), kept_statistics(segment)

    def forward(*inputs: Any) -> Any:
        if not torch.is_grad_enabled():
            return inner(*inputs)
        return checkpoint(inner, *inputs, use_reentrant=False, context_fn=contexts, preserve_rng_state=False)

    segment.forward = forward


@contextmanager
def kept_statistics(module: nn.Module) -> Iterator[None]:
    """Within, batch normalisation normalises by the batch as ever but its running statistics stay as they are."""
    norms = [layer for layer in module.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats]
    before = [(layer.momentum, layer.num_batches_tracked) for layer in norms]
    for layer in norms:
        layer.momentum, layer.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for layer, (momentum, count) in zip(norms, before, strict=True):
            layer.momentum, layer.num_batches_tracked = momentum, count
