"""Times, memory and the rate that a device reaches at best."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any

import torch


class Clock:
    """Measures work on one device.

    Args:
        device: where the work is done.
        quick: run everything once, without warming up; for trying out the benchmark itself.
    """

    def __init__(self, device: torch.device, *, quick: bool) -> None:
        self.device, self.quick = device, quick
        self.is_cuda = device.type == "cuda"

    def seconds(self, work: Callable[[], object], *, warm: int = 3, least: float = 0.6, most: int = 50) -> float:
        """Median of runs that take `least` seconds together, 5 to `most` of them, after `warm` that do not count."""
        if self.quick:
            return self._runs(work, 1)[0]
        for _ in range(warm):
            work()
        (one,) = self._runs(work, 1)
        return median(self._runs(work, min(most, max(5, round(least / max(one, 1e-6))))))

    def _runs(self, work: Callable[[], object], count: int) -> list[float]:
        if not self.is_cuda:
            times = []
            for _ in range(count):
                began = time.perf_counter()
                work()
                times.append(time.perf_counter() - began)
            return times
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]
        torch.cuda.synchronize(self.device)
        marks[0].record()
        for mark in marks[1:]:
            work()
            mark.record()
        torch.cuda.synchronize(self.device)
        return [before.elapsed_time(after) / 1e3 for before, after in pairwise(marks)]

    def forget_peak(self) -> None:
        """Measure memory anew from here on."""
        if self.is_cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)

    def peak_gb(self) -> float | None:
        """Most memory that tensors took since `forget_peak`, 1e9 bytes; None on CPUs."""
        return torch.cuda.max_memory_allocated(self.device) / 1e9 if self.is_cuda else None


def device_facts(device: torch.device) -> dict[str, Any]:
    """What is measured on, and with which versions."""
    facts: dict[str, Any] = {"device": str(device), "torch": torch.__version__, "threads": torch.get_num_threads()}
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        facts |= {"name": card.name, "memory_gb": card.total_memory / 1e9, "capability": f"{card.major}.{card.minor}"}
        facts |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    return facts


def matmul_rates(clock: Clock) -> dict[str, float]:
    """FLOP a second of a large matrix product of random numbers, by arithmetic."""
    side = 8192 if clock.is_cuda else 128
    kinds = {"fp32": (torch.float32, False), "tf32": (torch.float32, True), "bf16": (torch.bfloat16, False)}
    kinds |= {"fp16": (torch.float16, False)} if clock.is_cuda else {}
    rates = {}
    for name, (dtype, tf32) in kinds.items():
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a, b = (torch.randn(side, side, device=clock.device).to(dtype) for _ in range(2))
        rates[name] = 2 * side**3 / clock.seconds(lambda a=a, b=b: a @ b, most=20)  # type: ignore[misc]
    torch.backends.cuda.matmul.allow_tf32 = False
    return rates


def copy_rate(clock: Clock) -> float:
    """Bytes a second, read and written, of a copy on the device."""
    source = torch.randn((1 << 28) if clock.is_cuda else (1 << 20), device=clock.device)
    target = torch.empty_like(source)
    return 2 * source.numel() * 4 / clock.seconds(lambda: target.copy_(source), most=20)
