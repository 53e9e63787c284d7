"""What a computation runs on, in words and numbers: device, arithmetic, memory."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from talkingface.utils.device import arithmetic

if TYPE_CHECKING:
    import torch

GB = 2**30


def describe(device: torch.device, precision: str) -> str:
    """`cuda:0 (NVIDIA A100, 38.9 of 39.4 GB free), bf16 (auto)`, `cpu (2 threads, 19.1 of 23.4 GB free), fp32`."""
    computes_in = arithmetic(device, precision)
    chosen = f"{computes_in} (auto)" if precision == "auto" else computes_in
    return f"{device} ({', '.join(_facts(device))}), {chosen}"


def _facts(device: torch.device) -> list[str]:
    import torch

    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return [torch.cuda.get_device_name(device), _of(free, total)]
    threads = torch.get_num_threads()
    found = [f"{threads} thread{'s' if threads > 1 else ''}"]
    memory = main_memory()
    return found if memory is None else [*found, _of(*memory)]


def _of(free: int, total: int) -> str:
    return f"{free / GB:.1f} of {total / GB:.1f} GB free"


def main_memory() -> tuple[int, int] | None:
    """Bytes of main memory that are available, and that there are; None where the system does not tell in this way.

    A container's own limit counts where it is lower.
    """
    lines = {}
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            lines[name] = int(value.split()[0]) * 1024
    if not {"MemAvailable", "MemTotal"} <= lines.keys():
        return None
    free, total = lines["MemAvailable"], lines["MemTotal"]
    with contextlib.suppress(OSError, ValueError):  # "max" where there is no limit
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="utf-8"))
        used = int(Path("/sys/fs/cgroup/memory.current").read_text(encoding="utf-8"))
        total = min(total, limit)
        free = min(free, max(limit - used, 0))
    return free, total


def gpu_memory(device: torch.device) -> dict[str, float]:
    """`gpu_memory_gb`: the most that tensors have taken on a CUDA device so far; {} on others. Waits for nothing."""
    import torch

    return {"gpu_memory_gb": torch.cuda.max_memory_allocated(device) / GB} if device.type == "cuda" else {}
