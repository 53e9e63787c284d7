"""What a training tells, after steps and validations: the terminal's line, train.log, and the backends of `logger`."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from talkingface.config.schema import Config
from talkingface.trainer import distributed
from talkingface.trainer.loggers.logger import Logger, Training, make_loggers
from talkingface.trainer.progress_bar import TrainBar
from talkingface.trainer.run_folder import RunFolder
from talkingface.utils.errors import UserError

LOGGER = logging.getLogger(__name__)
NO_METRICS = ("step", "split", "epoch")
"""Keys of a validation's line in metrics.jsonl that are not of its values."""


class TrainLog:
    """Collects the steps' losses as tensors and reads them, with one wait for the device, when a line is due.

    Only the first process has one that writes; on the others `run` is None and only the finiteness of losses is
    checked.

    Args:
        run: has the metrics file, and names the folder of the text log and the backends' files.
        config: says which backends there are, where that folder lies, and whether there is a bar.
        step: steps done before.
        total: steps until the end, None where it is not known.

    Raises:
        UserError: a backend cannot be used.
    """

    def __init__(self, run: RunFolder | None, config: Config, *, step: int, total: int | None) -> None:
        self.run = run
        self._samples_per_step = config.model.samples_per_step
        self._held: list[dict[str, Tensor]] = []
        self._noted: set[str] = set()
        self._step = step
        self._since = time.perf_counter()
        self._waited = 0.0
        self._loggers: dict[str, Logger] = {}
        self._file = logging.Logger("train.log", logging.INFO)  # not the package's: step lines stay off the terminal
        if run is not None:
            folder = Path(config.run.log_dir) / run.name
            folder.mkdir(parents=True, exist_ok=True)
            training = Training(config=config, run=run, folder=folder, step=step)
            self._loggers = dict(make_loggers(config.run.logger, training))
            handler = logging.FileHandler(folder / "train.log", encoding="utf-8")
            handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
            self._file.addHandler(handler)
        self._bar = TrainBar(step=step, total=total, disable=run is None or not config.run.show_progress)

    def waited(self, seconds: float) -> None:
        """Note time spent waiting for data."""
        self._waited += seconds

    def add(self, losses: Mapping[str, Tensor], notes: Mapping[str, Tensor]) -> None:
        """Take one step's losses and what else was noted; nothing is read from the device."""
        self._held.append({**losses, **{name: value for name, value in notes.items() if name not in losses}})
        self._noted |= notes.keys() - losses.keys()
        self._step += 1
        self._bar.update()

    def leave_out(self, steps: set[int]) -> None:
        """Let the next line not tell of some of the steps that it would be about."""
        first = self._step - len(self._held) + 1
        self._held = [values for step, values in enumerate(self._held, first) if step not in steps]

    def set_total(self, total: int) -> None:
        """Tell the progress bar after how many steps training ends."""
        self._bar.total = total

    def speed(self) -> float:
        """Steps a second since the last line."""
        return len(self._held) / max(time.perf_counter() - self._since, 1e-9)

    def restart_clock(self) -> None:
        """Leave out of the speed what was just done (validation, saving, samples)."""
        self._since, self._waited = time.perf_counter(), 0.0

    def flush(
        self, *, epoch: float, rates: Mapping[str, float], seconds_left: float, memory: Mapping[str, float]
    ) -> None:
        """Write the line of the steps since the last one: means of their losses and notes.

        Args:
            epoch: passes over the data so far.
            rates: `learning_rate`, and those of other optimizers.
            seconds_left: until training ends.
            memory: what is known of the device's.

        Raises:
            UserError: a loss is not finite; names the first such step and its losses.
        """
        held, self._held = self._held, []
        if not held:
            return
        values = _means(held, self._noted, first_step=self._step - len(held) + 1)
        elapsed = max(time.perf_counter() - self._since, 1e-9)
        steps_per_second, wait = len(held) / elapsed, min(1.0, self._waited / elapsed)
        self.restart_clock()
        if self.run is None:
            return
        speed = {
            "steps_per_second": steps_per_second,
            "samples_per_second": steps_per_second * self._samples_per_step,
            "data_wait": wait,
        }
        self._show("train", {"epoch": round(epoch, 4), **rates, **values, **speed, **memory})
        text = " ".join(f"{name} {value:.4g}" for name, value in values.items() if name not in self._noted)
        self._bar.show(text, seconds_left=seconds_left, data_wait=wait)
        self._file.info(
            "step %d %s (%.3g it/s, wait %.0f%%, ends in %s)", self._step, text, steps_per_second, wait * 100,
            self._bar.ends_in,
        )  # fmt: skip

    def norms(self, values: Mapping[str, Tensor]) -> None:
        """Show norms of weights by the network or block they are of, () scalars; one wait for the device."""
        if values:
            read = torch.stack(list(values.values())).tolist()
            self._show("weights", dict(zip(values, read, strict=True)))

    def validation(self, metrics: Mapping[str, float], *, epoch: float, is_best: bool, best_step: int | None) -> None:
        """Write a validation's values, and those of the best one so far: this one, or that after `best_step`."""
        if self.run is None:
            return
        self._show("valid", {"epoch": round(epoch, 4), **metrics})
        self._show("best", dict(metrics) if is_best else self._valid_line(best_step))
        text = " ".join(f"{name} {value:.4g}" for name, value in metrics.items())
        self.say(f"step {self._step} validation {text}{' (best so far)' if is_best else ''}")

    def text(self, name: str, text: str) -> None:
        """Show a text, Markdown."""
        self._each(lambda backend: backend.text(name, text, self._step))

    def image(self, name: str, image: Tensor) -> None:
        """Show a picture, uint8 (3, H, W) RGB."""
        self._each(lambda backend: backend.image(name, image, self._step))

    def video(self, name: str, path: Path) -> None:
        """Show a video of the run's folder."""
        self._each(lambda backend: backend.video(name, path, self._step))

    def note(self, message: str) -> None:
        """A line in the text log alone."""
        self._file.info(message)

    def say(self, message: str) -> None:
        """A line in the text log and on the terminal."""
        if self.run is None:
            return
        self.note(message)
        LOGGER.info(message)

    def finish(self) -> None:
        """Tell the backends that training has come to its end."""
        self._each(lambda backend: backend.finish(self._step))

    def close(self) -> None:
        """End the bar, the backends and the files."""
        self._bar.close()
        self._each(lambda backend: backend.close())
        for handler in list(self._file.handlers):
            self._file.removeHandler(handler)
            handler.close()

    def _valid_line(self, step: int | None) -> dict[str, float]:
        """Values of an earlier validation."""
        assert self.run is not None
        lines = [line for line in self.run.read_metrics() if line["split"] == "valid" and line["step"] == step]
        return {name: value for name, value in lines[-1].items() if name not in NO_METRICS} if lines else {}

    def _show(self, split: str, values: Mapping[str, float]) -> None:
        self._each(lambda backend: backend.values(split, values, self._step))

    def _each(self, call: Callable[[Logger], None]) -> None:
        """Tell every backend; one that lives on a server is left out from its first failure on, with a line."""
        for name, backend in list(self._loggers.items()):
            try:
                call(backend)
            except Exception as error:
                if not backend.is_remote:
                    raise
                del self._loggers[name]
                self.say(f"warning: {name} failed ({error}); the training goes on without it, see metrics.jsonl")


def _means(held: list[dict[str, Tensor]], noted: set[str], *, first_step: int) -> dict[str, float]:
    """Mean of each value over the steps that have it and over all processes; one wait for the device in all.

    Args:
        held: values of each step by name, () scalars.
        noted: names of those that are no losses: where such a value is not finite it is left out.
        first_step: number of the first of these steps.

    Raises:
        UserError: a loss is not finite.
    """
    names = list(dict.fromkeys(name for values in held for name in values))
    missing = torch.zeros((), dtype=torch.float64, device=held[0][names[0]].device)
    stacked = torch.stack(
        [torch.stack([values[name].double() if name in values else missing for name in names]) for values in held]
    )
    rows = distributed.mean_of(stacked).tolist()
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
