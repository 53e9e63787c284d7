"""What a training tells: progress bar, metrics.jsonl, TensorBoard scalars and images, text log."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from talkingface.trainer.run_folder import RunFolder
from talkingface.utils.errors import UserError

LOGGER = logging.getLogger(__name__)


class TrainLog:
    """Collects the steps' losses as tensors and reads them, with one wait for the device, when a line is due.

    Only the first process has one that writes; on the others `run` is None and only the finiteness of losses is
    checked.

    Args:
        run: names the folder of TensorBoard's events and the text log, and has the metrics file.
        log_dir: that folder's parent.
        step: steps done before.
        total: steps until the end, None where it is not known.
        show_progress: draw a bar.
    """

    def __init__(
        self, run: RunFolder | None, *, log_dir: Path, step: int, total: int | None, show_progress: bool
    ) -> None:
        self.run = run
        self._held: list[dict[str, Tensor]] = []
        self._noted: set[str] = set()
        self._step = step
        self._since = time.perf_counter()
        self._waited = 0.0
        self._writer: Any = None
        self._file = logging.Logger("train.log", logging.INFO)  # not the package's: step lines stay off the terminal
        self._bar = tqdm(
            total=total,
            initial=step,
            unit="step",
            bar_format="step {n_fmt}/{total_fmt} [{elapsed}, {rate_fmt}]{postfix}",
            disable=run is None or not show_progress,
        )
        if run is not None:
            from torch.utils.tensorboard import SummaryWriter

            folder = log_dir / run.name
            folder.mkdir(parents=True, exist_ok=True)
            self._writer = SummaryWriter(str(folder), purge_step=step + 1 if step else None)
            handler = logging.FileHandler(folder / "train.log", encoding="utf-8")
            handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
            self._file.addHandler(handler)

    def waited(self, seconds: float) -> None:
        """Note time spent waiting for data."""
        self._waited += seconds

    def add(self, losses: Mapping[str, Tensor], notes: Mapping[str, Tensor]) -> None:
        """Take one step's losses and what else was noted; nothing is read from the device."""
        self._held.append({**losses, **{name: value for name, value in notes.items() if name not in losses}})
        self._noted |= notes.keys() - losses.keys()
        self._step += 1
        self._bar.update()

    def set_total(self, total: int) -> None:
        """Tell the progress bar after how many steps training ends."""
        self._bar.total = total

    def speed(self) -> float:
        """Steps a second since the last line."""
        return len(self._held) / max(time.perf_counter() - self._since, 1e-9)

    def restart_clock(self) -> None:
        """Leave out of the speed what was just done (validation, saving, samples)."""
        self._since, self._waited = time.perf_counter(), 0.0

    def flush(self, *, epoch: float, learning_rate: float, seconds_left: float) -> None:
        """Write the line of the steps since the last one: means of their losses and notes.

        Raises:
            UserError: a loss is not finite; names the first such step and its losses.
        """
        held, self._held = self._held, []
        if not held:
            return
        values = _means(held, self._noted, first_step=self._step - len(held) + 1)
        elapsed = max(time.perf_counter() - self._since, 1e-9)
        speed = {"steps_per_second": len(held) / elapsed, "data_wait": min(1.0, self._waited / elapsed)}
        self.restart_clock()
        if self.run is None:
            return
        line = {"step": self._step, "split": "train", "epoch": round(epoch, 4), "learning_rate": learning_rate}
        self.run.append_metrics({**line, **values, **speed})
        for name, value in {**values, "learning_rate": learning_rate, **speed}.items():
            self._writer.add_scalar(f"train/{name}", value, self._step)
        text = " ".join(f"{name} {value:.4g}" for name, value in values.items() if name not in self._noted)
        eta = _clock(seconds_left)
        self._bar.set_postfix_str(f"{text}, data wait {speed['data_wait']:.0%}, ends in {eta}")
        rate = speed["steps_per_second"]
        self._file.info(
            "step %d %s (%.3g it/s, wait %.0f%%, ends in %s)", self._step, text, rate, speed["data_wait"] * 100, eta
        )

    def validation(self, metrics: Mapping[str, float], *, epoch: float, is_best: bool) -> None:
        """Write a validation's values."""
        if self.run is None:
            return
        self.run.append_metrics({"step": self._step, "split": "valid", "epoch": round(epoch, 4), **metrics})
        for name, value in metrics.items():
            self._writer.add_scalar(f"valid/{name}", value, self._step)
        text = " ".join(f"{name} {value:.4g}" for name, value in metrics.items())
        self.say(f"step {self._step} validation {text}{' (best so far)' if is_best else ''}")

    def image(self, name: str, image: Tensor) -> None:
        """Show a picture, uint8 (3, H, W) RGB, in TensorBoard."""
        if self.run is not None:
            self._writer.add_image(name, image, self._step)

    def say(self, message: str) -> None:
        """A line in the text log and on the terminal."""
        if self.run is None:
            return
        self._file.info(message)
        LOGGER.info(message)

    def close(self) -> None:
        """End the bar and the files."""
        self._bar.close()
        if self._writer is not None:
            self._writer.close()
        for handler in list(self._file.handlers):
            self._file.removeHandler(handler)
            handler.close()


def _means(held: list[dict[str, Tensor]], noted: set[str], *, first_step: int) -> dict[str, float]:
    """Mean of each value over the steps that have it; one wait for the device in all.

    Args:
        held: values of each step by name, () scalars.
        noted: names of those that are no losses: where such a value is not finite it is left out.
        first_step: number of the first of these steps.

    Raises:
        UserError: a loss is not finite.
    """
    names = list(dict.fromkeys(name for values in held for name in values))
    missing = torch.zeros((), dtype=torch.float64, device=held[0][names[0]].device)
    rows = torch.stack(
        [torch.stack([values[name].double() if name in values else missing for name in names]) for values in held]
    ).tolist()
    columns: dict[str, list[float]] = {}
    for offset, (tensors, row) in enumerate(zip(held, rows, strict=True)):
        values = {name: value for name, value in zip(names, row, strict=True) if name in tensors}
        losses = {name: value for name, value in values.items() if name not in noted}
        if not all(map(math.isfinite, losses.values())):
            shown = ", ".join(f"{name} {value:g}" for name, value in losses.items())
            raise UserError(
                f"step {first_step + offset}: a loss is not finite ({shown}); training stopped, the checkpoints "
                "before it are whole. Try a lower learning_rate, grad_clip_norm, or precision=fp32"
            )
        for name, value in values.items():
            if math.isfinite(value):
                columns.setdefault(name, []).append(value)
    return {name: sum(each) / len(each) for name, each in columns.items()}


def _clock(seconds: float) -> str:
    return tqdm.format_interval(min(seconds, 1e7))
