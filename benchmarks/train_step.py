"""Cost of a whole training step of a model's recipe, sync expert and discriminator included, on random samples.

    python -m benchmarks.train_step --model=Wav2Lip --batch=4
    python -m benchmarks.train_step --model=Wav2LipGAN --batch=8 --frames=5

Beside it the references as written, measured on two cores in float32 with glibc's default allocator (seconds a step):
Wav2Lip batch 4 2.9; with discriminator batch 4 / 8 4.6 / 9.8; HyperLipsBase with discriminator and expert batch 4 / 8
7.0 / 15.5. Compare with the row `fp32` under the same allocator; `keeps memory` is what the program sets for itself.
Both precisions take turns, so that a neighbour on the machine disturbs both alike.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from talkingface import catalog
from talkingface.batch import GT, INDIV_MELS, INPUT_FRAMES, MELS, mask_lower_half
from talkingface.catalog.resolve import resolve
from talkingface.config.loader import Overrides
from talkingface.model.trained import build_network
from talkingface.trainer.run_folder import RunFolder


def random_batch(batch: int, frames: int, size: int, device: torch.device) -> dict[str, Tensor]:
    gt = torch.rand(batch, 3, frames, size, size)
    made = {
        GT: gt,
        INPUT_FRAMES: torch.cat([mask_lower_half(gt), torch.rand_like(gt)], dim=1),
        INDIV_MELS: torch.randn(batch, frames, 1, 80, 16),
        MELS: torch.randn(batch, 1, 80, 16),
    }
    return {key: value.to(device) for key, value in made.items()}


def make_step(options: argparse.Namespace, precision: str, folder: Path) -> Callable[[], float]:
    """A training of its own; each call takes a step and returns its seconds."""
    torch.manual_seed(0)
    flags = {"saved_dir": str(folder), "num_frames": options.frames, "device": options.device, "precision": precision}
    row = catalog.model_row(options.model)
    config = resolve(options.model, "demo", Overrides(profile="none", flags=flags)).config
    if getattr(config.model, "sync_threshold", None) is not None:  # the expert's loss counts from the first step
        config = replace(config, model=replace(config.model, sync_threshold=None))  # type: ignore[call-arg]
    device = torch.device(options.device)
    parts = {}
    for need in row.needs:
        needed = resolve(need.model, "demo", Overrides(profile="none")).config
        parts[need.part] = build_network(catalog.model_row(need.model), needed)
    trainer = catalog.load(row.trainer)(
        config, build_network(row, config), run=RunFolder.create(config), device=device, parts=parts
    )
    batch = random_batch(options.batch, options.frames, config.model.img_size, device)

    def step() -> float:
        began = time.perf_counter()
        losses = trainer.train_step(batch)
        float(losses["loss"].detach())
        return time.perf_counter() - began

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="Wav2Lip")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--frames", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    kept = "keeps memory" if os.environ.get("MALLOC_MMAP_MAX_") == "0" else "default"
    print(f"{options.model}, {options.batch} x {options.frames} frames, {options.device}, allocator: {kept}")
    with tempfile.TemporaryDirectory() as folder:
        steps = {precision: make_step(options, precision, Path(folder)) for precision in ("fp32", "bf16")}
        rounds = [{precision: step() for precision, step in steps.items()} for _ in range(options.repeats + 2)]
        base = median(times["fp32"] for times in rounds[2:])  # the first two warm up
        for precision in steps:
            seconds = median(times[precision] for times in rounds[2:])
            print(f"{precision}: {seconds:6.2f} s a step, {1 / seconds:5.2f} steps/s, ratio {base / seconds:4.2f}")


if __name__ == "__main__":
    main()
