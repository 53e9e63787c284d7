"""On what, and how, a command computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from talkingface.config.generating import GenerateConfig
from talkingface.config.kinds import Place


@dataclass(frozen=True, kw_only=True)
class ComputeConfig(GenerateConfig):
    """Device, arithmetic, kernels, memory and processes; none of them makes a training another one."""

    device: Place[str] = "auto"
    """`auto` (CUDA if there is one, else CPU), `cpu`, `cuda`, `cuda:1`. A device asked for by name must exist."""
    precision: Place[Literal["auto", "fp32", "tf32", "bf16", "fp16"]] = "auto"
    """Arithmetic of the forward pass; `auto` is bf16 on CUDA cards and CPUs that multiply it (Ampere and later; AMX,
    AVX512-BF16), fp16 on older CUDA cards, fp32 elsewhere. Weights are always float32; fp16 scales its losses."""
    compile: Place[Literal["none", "default", "max"]] = "none"
    """Compile the networks that train: `default` fuses kernels, `max` also tries several of each kind, for minutes."""
    deterministic: Place[bool] = False
    """Take kernels that give the same bits each time on CUDA, not the fastest; a CPU's always do. docs/gpus.md has
    the cost."""
    checkpoint_activations: Place[bool] = False
    """Compute parts of the forward pass again during backward instead of keeping them: less memory, the same result."""
    sync_batch_norm: Place[bool] = True
    """With several processes: batch normalisation takes the statistics of the whole batch, not of a process's share."""
    num_workers: Place[int] = 1
    """Loader processes; 0 loads in the training process."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_workers < 0:
            raise ValueError(f"num_workers: wanted 0 or more, got {self.num_workers}")
