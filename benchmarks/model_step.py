"""Cost of HyperLipsBase on a CPU or GPU: forward, and a training step with L1, by precision and way of computing.

    python -m benchmarks.model_step                                  # 64 px, 16 samples of one frame, 2 threads
    python -m benchmarks.model_step --size=128 --batch=4 --frames=5
    MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 python -m benchmarks.model_step    # glibc keeps its memory

- plain: depthwise convolutions and ConvGRUs as they are written in the papers, Adam without fusing;
- ours: as the package computes them, fused Adam.

A step is forward, backward and optimizer; medians. `work` is processor time over all threads, which neighbours on the
machine disturb less than the wall clock. The ratio to plain float32 is that of work on a CPU, of time on a GPU.
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


def timed(run: Callable[[], None], options: argparse.Namespace) -> tuple[float, float]:
    """Medians of wall and processor seconds of `run`."""
    walls, works = [], []
    for index in range(options.repeats + 2):
        wall, work = time.perf_counter(), time.process_time()
        run()
        if options.device.startswith("cuda"):
            torch.cuda.synchronize()
        if index >= 2:  # the first ones warm up
            walls.append(time.perf_counter() - wall)
            works.append(time.process_time() - work)
    return median(walls), median(works)


def measure(options: argparse.Namespace, *, plainly: bool, bf16: bool) -> list[tuple[float, float]]:
    """Forward without gradients, then a training step."""
    torch.manual_seed(0)
    batch, model = random_batch(options), HyperLipsBase().to(options.device).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=not plainly)
    autocast = torch.autocast(options.device.split(":")[0], torch.bfloat16, enabled=bf16)

    def forward() -> None:
        with torch.no_grad(), autocast:
            model.infer(batch)

    def step() -> None:
        with autocast:
            loss = model.calculate_loss(batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    with computed(plainly):
        return [timed(forward, options), timed(step, options)]


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
    base: list[tuple[float, float]] = []
    for name, plainly, bf16 in VARIANTS:
        row = measure(options, plainly=plainly, bf16=bf16)
        base = base or row
        clock = 1 if options.device == "cpu" else 0
        cells = [
            f"{now[0] * 1e3:12.0f}{now[1] * 1e3:8.0f}{first[clock] / now[clock]:7.2f}"
            for now, first in zip(row, base, strict=True)
        ]
        print(f"{name:14}{''.join(cells)}{options.batch * options.frames / row[1][0]:10.1f}", flush=True)


if __name__ == "__main__":
    main()
