"""Cost of HyperLipsBase on a CPU or GPU: forward, and a training step with L1, by precision and way of computing.

    python -m benchmarks.model_step                                  # 64 px, 16 samples of one frame, 2 threads
    python -m benchmarks.model_step --size=128 --batch=4 --frames=5
    MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 python -m benchmarks.model_step    # glibc keeps its memory

- plain: depthwise convolutions and ConvGRUs as they are written in the papers, Adam without fusing;
- ours: as the package computes them, fused Adam.

A step is forward, backward and optimizer; medians of rounds in which each variant has its turn, so that a neighbour on
the machine disturbs all alike. `work` is processor time over all threads, which neighbours disturb less than the wall
clock. The ratio to plain float32 is that of work on a CPU, of time on a GPU.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from talkingface.batch import GT, INDIV_MELS, INPUT_FRAMES
from talkingface.model.audio_driven_talkingface.hyperlipsbase import HyperLipsBase
from talkingface.model.layers.depthwise import DepthwiseConv
from talkingface.model.layers.recurrent_decoder import StatelessConvGRU

VARIANTS = (
    ("plain fp32", True, False),
    ("plain bf16", True, True),
    ("ours fp32", False, False),
    ("ours bf16", False, True),
)
"""Name, plain or ours, bf16 or float32."""


def full_gru(self: StatelessConvGRU, x: Tensor) -> Tensor:
    """A ConvGRU step from a hidden state of zeros, nothing left out."""
    h = torch.zeros_like(x)
    r, z = self.ih(torch.cat([x, h], dim=1)).chunk(2, dim=1)
    c = self.hh(torch.cat([x, r * h], dim=1))
    return (1 - z) * h + z * c


@contextmanager
def computed(plainly: bool) -> Iterator[None]:
    """Within, networks compute plainly if so asked."""
    ours: tuple[Any, Any] = DepthwiseConv.forward, StatelessConvGRU.forward
    if plainly:
        DepthwiseConv.forward, StatelessConvGRU.forward = nn.Conv2d.forward, full_gru  # type: ignore
    try:
        yield
    finally:
        DepthwiseConv.forward, StatelessConvGRU.forward = ours  # type: ignore


def random_batch(options: argparse.Namespace) -> dict[str, Tensor]:
    batch, frames, size = options.batch, options.frames, options.size
    made = {
        INPUT_FRAMES: torch.rand(batch, 6, frames, size, size),
        GT: torch.rand(batch, 3, frames, size, size),
        INDIV_MELS: torch.randn(batch, frames, 1, 80, 16),
    }
    return {key: value.to(options.device) for key, value in made.items()}


def timed(run: Callable[[], None], device: str) -> tuple[float, float]:
    """Wall and processor seconds of `run`."""
    wall, work = time.perf_counter(), time.process_time()
    run()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - wall, time.process_time() - work


class Variant:
    """A network of its own, computed in one of the ways."""

    def __init__(self, options: argparse.Namespace, *, plainly: bool, bf16: bool) -> None:
        torch.manual_seed(0)
        self.device, self.plainly = options.device, plainly
        self.batch, self.model = random_batch(options), HyperLipsBase().to(options.device).train()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-4, fused=not plainly)
        self.autocast = torch.autocast(options.device.split(":")[0], torch.bfloat16, enabled=bf16)
        self.times: list[list[tuple[float, float]]] = [[], []]

    def turn(self) -> None:
        """Time a forward pass without gradients and a training step."""
        with computed(self.plainly):
            for times, run in zip(self.times, (self.forward, self.step), strict=True):
                times.append(timed(run, self.device))

    def medians(self) -> list[tuple[float, float]]:
        """Wall and processor seconds of both, without the first two rounds, which warm up."""
        return [(median(wall for wall, _ in times[2:]), median(work for _, work in times[2:])) for times in self.times]

    def forward(self) -> None:
        with torch.no_grad(), self.autocast:
            self.model.infer(self.batch)

    def step(self) -> None:
        with self.autocast:
            loss = self.model.calculate_loss(self.batch)["loss"]
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--frames", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    kept = "keeps memory" if os.environ.get("MALLOC_MMAP_MAX_") == "0" else "default"
    print(f"{options.batch} x {options.frames} frames of {options.size} px, {options.device}, allocator: {kept}")
    print(f"{'':14}{'forward ms':>12}{'work':>8}{'ratio':>7}{'step ms':>12}{'work':>8}{'ratio':>7}{'frames/s':>10}")
    variants = {name: Variant(options, plainly=plainly, bf16=bf16) for name, plainly, bf16 in VARIANTS}
    for _ in range(options.repeats + 2):
        for variant in variants.values():
            variant.turn()
    base = next(iter(variants.values())).medians()
    for name, variant in variants.items():
        row = variant.medians()
        clock = 1 if options.device == "cpu" else 0
        cells = [
            f"{now[0] * 1e3:12.0f}{now[1] * 1e3:8.0f}{first[clock] / now[clock]:7.2f}"
            for now, first in zip(row, base, strict=True)
        ]
        print(f"{name:14}{''.join(cells)}{options.batch * options.frames / row[1][0]:10.1f}", flush=True)


if __name__ == "__main__":
    main()
