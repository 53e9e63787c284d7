"""What a GPU makes of the toolkit: correctness, training steps of all models, memory, loading, drawing.

    python -m benchmarks.gpu                     # on a CUDA card, under six minutes; gpu.md and gpu.json beside it
    python -m benchmarks.gpu --output=folder
    python -m benchmarks.gpu --tiny              # tries itself out on a CPU, with stand-in networks: no figures

Needs torch, OpenCV and the toolkit's small packages (PyYAML, tqdm, filelock, TensorBoard); neither mediapipe nor av nor
librosa. The data are random and packed by the benchmark itself.

Recipes are the published ones, their batches included. FLOP are those of convolutions and matrix products, counted by
torch, and are held against the rate of a matrix product of 8192 x 8192 in the same arithmetic, measured in this run.
Parts that the time does not allow are named at the end, as is what failed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_parts.clock import Clock, copy_rate, device_facts, matmul_rates
from benchmarks.gpu_parts.drawing import decode, dub
from benchmarks.gpu_parts.golden import check_golden
from benchmarks.gpu_parts.loading import train_from_disk
from benchmarks.gpu_parts.steps import FURTHER, PLAIN, measure_step, share_of_parts
from benchmarks.gpu_parts.subjects import MODELS, Subject
from benchmarks.gpu_parts.tables import page
from talkingface.utils.device import arithmetic, pick_device, set_policy


class Benchmark:
    """Measures part after part until the time is up.

    Args:
        device: what is measured.
        folder: for runs and data, removed afterwards.
        tiny: stand-in networks, each thing once.
        minutes: after which no further part begins; a tiny run goes to its end.
    """

    def __init__(self, device: torch.device, folder: Path, *, tiny: bool, minutes: float) -> None:
        self.device, self.folder, self.tiny = device, folder, tiny
        self.clock = Clock(device, quick=tiny)
        self.ends = math.inf if tiny else time.perf_counter() + 60 * minutes
        self.found: dict[str, Any] = {"left_out": [], "failed": []}

    def run(self) -> dict[str, Any]:
        """All parts, the surest first; compiling, which takes longest, last."""
        self.found["facts"] = device_facts(self.device)
        self._part("golden networks", self._golden)
        self._part("rates", self._rates)
        if "rates" not in self.found:
            return self.found
        for model in MODELS:
            self._part(f"steps of {model}", lambda model=model: self._steps(model, PLAIN))  # type: ignore[misc]
        for size in (256, 512):
            self._part(f"HyperLipsHR at {size} px", lambda size=size: self._large(size))  # type: ignore[misc]
        self._part("dubbing", self._dubbing)
        for workers in (1,) if self.tiny else (1, min(8, os.cpu_count() or 1)):
            self._part(f"training, {workers} loaders", lambda workers=workers: self._loading(workers))  # type: ignore[misc]
        for name, keys in FURTHER.items():
            if self.tiny and "compile" in keys:  # takes minutes for the smallest network
                continue
            self._part(f"HyperLipsBase, {name}", lambda one={name: keys}: self._steps("HyperLipsBase", one))  # type: ignore[misc]
        return self.found

    def _part(self, name: str, work: Callable[[], None]) -> None:
        if time.perf_counter() > self.ends:
            self.found["left_out"].append(name)
            return
        began = time.perf_counter()
        try:
            work()
        except Exception as error:  # one part's failure must not cost the others their figures; it is told at the end
            self.found["failed"].append(f"{name}: {type(error).__name__}: {str(error)[:300]}")
        finally:
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
        print(f"[{time.perf_counter() - began:6.1f} s] {name}", flush=True)

    def _subject(self, model: str, **options: Any) -> Subject:
        return Subject.make(model, self.device, self.folder, tiny=self.tiny, **options)

    def _golden(self) -> None:
        self.found["golden"] = check_golden(self.device, few=self.tiny)

    def _rates(self) -> None:
        self.found["copy"], self.found["rates"] = copy_rate(self.clock), matmul_rates(self.clock)

    def _steps(self, model: str, variants: dict[str, dict[str, Any]]) -> None:
        subject = self._subject(model)
        rows = self.found.setdefault("steps", [])
        for name, keys in variants.items():
            rows.append(measure_step(subject, name, keys, self.clock, self.found["rates"]))
        if variants is PLAIN:
            shares = share_of_parts(subject, self.clock, repeats=1 if self.tiny else 10)
            self.found.setdefault("shares", {})[model] = shares

    def _large(self, size: int) -> None:
        subject = Subject.make("HyperLipsHR", self.device, self.folder, tiny=self.tiny, img_size=size)
        row = measure_step(subject, f"bf16, {size} px", {"precision": "bf16"}, self.clock, self.found["rates"])
        self.found["steps"].append(row)
        self._draw(lambda: decode(subject, self.clock, precision=self._fast(), batch_size=16))

    def _dubbing(self) -> None:
        for model in ("HyperLipsBase", "Wav2Lip"):
            subject = self._subject(model)
            for precision in ("fp32", self._fast()):
                self._draw(
                    lambda subject=subject, precision=precision: dub(  # type: ignore[misc]
                        subject, self.clock, precision=precision, frames=4 if self.tiny else 256, batch_size=16
                    )
                )
        self._draw(lambda: decode(self._subject("HyperLipsHR"), self.clock, precision=self._fast(), batch_size=16))

    def _draw(self, measure: Callable[[], dict[str, Any]]) -> None:
        self.found.setdefault("drawing", []).append(measure())

    def _loading(self, workers: int) -> None:
        steps = 2 if self.tiny else 60
        row = train_from_disk(self._subject("HyperLipsBase"), workers=workers, steps=steps)
        self.found.setdefault("loading", []).append(row)

    def _fast(self) -> str:
        return "bf16" if self.tiny else arithmetic(self.device, "auto")


def main(arguments: list[str] | None = None) -> None:
    """Measure, print the tables, write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", help="cuda, or cpu with --tiny; by default what the kind of run wants")
    parser.add_argument("--output", type=Path, default=Path(), help="folder for gpu.md and gpu.json")
    parser.add_argument("--minutes", type=float, default=4.5, help="no part begins later than this")
    parser.add_argument("--tiny", action="store_true", help="stand-in networks, each thing once: no figures")
    options = parser.parse_args(arguments)
    device = pick_device(options.device or ("cpu" if options.tiny else "cuda"))
    with tempfile.TemporaryDirectory() as folder:
        benchmark = Benchmark(device, Path(folder), tiny=options.tiny, minutes=options.minutes)
        try:
            found = benchmark.run()
        finally:
            set_policy(device, precision="fp32", deterministic=False)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "gpu.json").write_text(json.dumps(found, indent=1), "utf-8")
    text = page(found)
    (options.output / "gpu.md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
