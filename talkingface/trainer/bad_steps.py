"""Steps whose loss or gradient was not finite: told with the samples of their batch, written down, and passed over."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from talkingface.config.schema import Config
from talkingface.trainer import distributed
from talkingface.trainer.loader import step_samples
from talkingface.trainer.progress import Progress
from talkingface.trainer.run_folder import RunFolder
from talkingface.utils.errors import NotFiniteError

FILE = "not_finite.jsonl"
"""In a run's folder: one line for each such step, with its losses and its samples."""
SHOWN = 4
"""Clips that a message names."""


@dataclass(frozen=True, kw_only=True)
class BadStep:
    """One step that changed no weight."""

    step: int
    losses: Mapping[str, float]
    samples: list[dict[str, Any]]
    """Number of each sample in the data, with its clip and frame where the data set tells them."""

    def __str__(self) -> str:
        shown = ", ".join(f"{name} {value:g}" for name, value in self.losses.items())
        what = "loss" if not all(map(math.isfinite, self.losses.values())) else "gradient"
        names = list(dict.fromkeys(str(one.get("clip", f"sample {one['sample']}")) for one in self.samples))
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return f"step {self.step}: a {what} is not finite ({shown}); its batch is of {', '.join(names[:SHOWN])}{more}"


class BadSteps:
    """Looks at the steps since the last line of the log.

    Args:
        config: its `skip_nonfinite` says how many such steps may follow one another.
        progress: counts them.
        run: gets the file; None in all processes but the first.
        dataset: the training data.
    """

    def __init__(self, config: Config, progress: Progress, run: RunFolder | None, dataset: Any) -> None:
        self.config, self.progress, self.run, self.dataset = config, progress, run, dataset
        self._held: list[tuple[dict[str, Tensor], Tensor]] = []

    def add(self, losses: Mapping[str, Tensor], bad: Tensor | None) -> None:
        """Take one step's losses and the guard's verdict; nothing is read from the device."""
        verdict = ~torch.isfinite(torch.stack([value.detach().double() for value in losses.values()])).all()
        self._held.append((dict(losses), verdict if bad is None else verdict | bad))

    def take(self) -> list[BadStep]:
        """The bad ones of the steps since this was last called, written to the file; all processes find the same.

        Raises:
            NotFiniteError: more than `skip_nonfinite` of them followed one another.
        """
        held, self._held = self._held, []
        if not held:
            return []
        verdicts = distributed.largest_of(torch.stack([bad for _, bad in held]).float()).tolist()
        found = []
        for step, ((losses, _), bad) in enumerate(zip(held, verdicts, strict=True), self.progress.step - len(held) + 1):
            self.progress.nonfinite_in_a_row = self.progress.nonfinite_in_a_row + 1 if bad else 0
            if bad:
                values = {name: float(value) for name, value in losses.items()}
                found.append(BadStep(step=step, losses=values, samples=self._samples(step)))
                if self.progress.nonfinite_in_a_row > self.config.model.skip_nonfinite:
                    self._write(found)
                    raise NotFiniteError(self._end(found[-1]))
        self._write(found)
        return found

    def _samples(self, step: int) -> list[dict[str, Any]]:
        tell = getattr(self.dataset, "describe", None)
        samples = step_samples(self.dataset, self.config, step=step)
        return [{"sample": one, **(tell(one) if tell is not None else {})} for one in samples]

    def _write(self, found: list[BadStep]) -> None:
        if self.run is None or not found:
            return
        with (self.run.path / FILE).open("a", encoding="utf-8") as file:
            for one in found:
                losses = {name: value if math.isfinite(value) else str(value) for name, value in one.losses.items()}
                file.write(json.dumps({"step": one.step, "losses": losses, "samples": one.samples}) + "\n")

    def _end(self, last: BadStep) -> str:
        skip = self.config.model.skip_nonfinite
        more = f", the {skip + 1}th in a row" if skip else ""
        file = f" ({self.run.path / FILE} lists it)" if self.run else ""
        hint = "" if skip else ", or skip_nonfinite=3 to pass over such batches"
        return (
            f"{last}{file}{more}. Training stopped, no weight was changed by it, and the checkpoints are whole. Try a "
            f"lower learning_rate, grad_clip_norm, or precision=fp32{hint}"
        )
