"""The loop around a recipe's steps: learning rate, log, validation, samples, checkpoints, exact resume."""

from __future__ import annotations

import itertools
import math
import signal
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from talkingface.config.plain import to_plain
from talkingface.model.checkpoint import save_checkpoint
from talkingface.trainer import distributed
from talkingface.trainer.bad_steps import FILE as BAD_STEPS
from talkingface.trainer.bad_steps import BadSteps
from talkingface.trainer.beginning import begin
from talkingface.trainer.feed import Feed
from talkingface.trainer.history import take_changes, tell_changes
from talkingface.trainer.loader import training_batches
from talkingface.trainer.progress import end_status, ended_by, seconds_left, total_steps
from talkingface.trainer.quantities import learning_rates, weight_norms
from talkingface.trainer.resume import HAD_CHECKPOINTS, BestScore, resume
from talkingface.trainer.samples import show_samples
from talkingface.trainer.schedule import Pace, rate_factor, set_learning_rate
from talkingface.trainer.step_guard import KeptBuffers
from talkingface.trainer.stop_signal import StopSignal, end_as
from talkingface.trainer.train_log import TrainLog
from talkingface.trainer.trainable import Trainable
from talkingface.utils.errors import UserError
from talkingface.utils.machine import gpu_memory
from talkingface.utils.seed import own_random


class Loop:
    """One call of `fit`.

    The order after a step is fixed: log, validation (and the best checkpoint), samples, last checkpoint. Each line
    of metrics.jsonl tells of the steps since the line before it, and none reaches over a save, so a training that was
    killed and resumed writes the same lines as one that was not.
    """

    def __init__(self, trainer: Trainable, train_dataset: Any, valid_dataset: Any) -> None:
        self.trainer, self.recipe = trainer, trainer.recipe
        self.progress = trainer.progress
        self.run_folder = trainer.run
        self.is_main = distributed.rank() == 0
        self.train_dataset = train_dataset
        self.valid_dataset = valid_dataset if valid_dataset is not None and len(valid_dataset) else None
        self.num_samples = len(train_dataset)
        self.feed = Feed(trainer.device)
        run = self.run_folder if self.is_main else None
        self.bad_steps = BadSteps(trainer.config, self.progress, run, train_dataset)
        self._networks = [part for part in trainer.state().values() if isinstance(part, nn.Module)]
        self._shown: int | None = None
        self._best = BestScore()
        self._has_saved = False
        if not self.num_samples:
            raise UserError("training data: wanted at least one sample, got none; see the preparation's report")

    def run(self) -> None:
        """Train to the end."""
        with self.run_folder.lock() if self.is_main else nullcontext():
            notes = self._resume()
            self.log = TrainLog(
                self.run_folder if self.is_main else None,
                self.trainer.config,
                step=self.progress.step,
                total=total_steps(self.recipe, self.progress, self.num_samples),
            )
            try:
                begin(self.log, self.trainer, self.train_dataset, self.valid_dataset)
                for note in notes:
                    self.log.say(note)
                tell_changes(self.log, self._changes)
                self._train()
            finally:
                self.log.close()
            if self.is_main:
                ended = end_status(self.recipe, self.progress, self.num_samples)
                self.run_folder.update_status(finished=True, **ended)
            distributed.barrier()

    def _train(self) -> None:
        self.trainer.model.train()
        batches = iter(()) if self._is_finished() else self._batches()
        pace = Pace(self.recipe, self.progress, num_samples=self.num_samples, log=self.log, seconds=self.trainer.clock)
        with StopSignal() as stop:
            while not self._is_finished():
                self._step(batches)
                pace.tick()
                self._after_step()
                if number := stop.agreed():
                    self._save(self.run_folder.last)
                    step, name = self.progress.step, signal.Signals(number).name
                    self.log.say(f"stopped by {name}; step {step:,} is saved, the same command goes on from there")
                    distributed.barrier()
                    end_as(number)
            if self.progress.validated_step != self.progress.step:
                self._validate()
            if self._shown != self.progress.step:
                self._show(video=False)
            self._save(self.run_folder.last)
            self.log.finish()

    def _is_finished(self) -> bool:
        return ended_by(self.recipe, self.progress, self.num_samples) is not None

    def _resume(self) -> tuple[str, ...]:
        """Take over the last checkpoint, if any, and drop the metrics that will be written again; returns notes."""
        start = resume(self.run_folder, self.recipe, self.trainer.state(), self.progress)
        self._changes = take_changes(start, self.run_folder, self.trainer.config, self.progress)
        self._best = start.best
        if self.is_main:
            self.run_folder.truncate_metrics(self.progress.step)
            self.run_folder.write_config(self.trainer.config)
            end = total_steps(self.recipe, self.progress, self.num_samples)
            self.run_folder.update_status(finished=False, total_steps=end, **{HAD_CHECKPOINTS: start.path is not None})
        distributed.barrier()
        return start.notes

    def _batches(self) -> Iterator[dict[str, Tensor]]:
        """Batches from the next step's on; the first has been read, so that all loader processes run."""
        batches = iter(
            training_batches(
                self.train_dataset,
                self.recipe,
                self.trainer.config.run,
                step=self.progress.step,
                pin_memory=self.trainer.device.type == "cuda",
            )
        )
        first = next(batches)
        self.log.restart_clock()
        return itertools.chain([first], batches)

    def _step(self, batches: Iterator[dict[str, Tensor]]) -> None:
        for layer in self.trainer.frozen:
            layer.eval()
        factor = rate_factor(self.recipe, self.progress)
        for part in self.trainer.state().values():
            if isinstance(part, Optimizer):
                set_learning_rate(part, factor)
        kept = KeptBuffers(self._networks) if self.recipe.skip_nonfinite else None
        self.trainer.guard.begin()
        parts = []
        for number in range(self.recipe.accumulate_steps):
            began = time.perf_counter()
            stored = next(batches)
            self.log.waited(time.perf_counter() - began)
            self.trainer.share = (number, self.recipe.accumulate_steps)
            parts.append(self.trainer.train_step(self.feed(stored)))
        losses = {name: torch.stack([one[name].detach() for one in parts]).mean() for name in parts[0]}
        self.bad_steps.add(losses, self.trainer.guard.bad)
        if kept is not None:
            kept.put_back_if(self.trainer.guard.bad)
        self.log.add(losses, self.trainer.take_notes())
        self.progress.step += 1
        if self.trainer.average is not None:
            self.trainer.average.update(self.progress.step)

    def _after_step(self) -> None:
        step, recipe = self.progress.step, self.recipe
        if step % recipe.log_every == 0:
            self._flush()
            if self.is_main:
                self.log.norms(weight_norms(self.trainer.state()))
        if step % recipe.valid_every == 0:
            self._validate()
        if step % recipe.sample_every == 0 or step % recipe.video_every == 0:
            self._show(video=step % recipe.video_every == 0)
        if step % recipe.save_every == 0:
            self._save(self.run_folder.last)
        if recipe.keep_every is not None and step % recipe.keep_every == 0:
            self._save(self.run_folder.step_checkpoint(step))

    def _flush(self) -> None:
        """Write the line of the steps so far, those left out that changed nothing; stops where they are too many."""
        bad = self.bad_steps.take()
        self.log.leave_out({one.step for one in bad})
        for one in bad:
            self.log.say(f"warning: {one}; passed over, see {BAD_STEPS}")
        left = seconds_left(self.recipe, self.progress, self.num_samples, self.log.speed())
        self.log.flush(
            epoch=self._epoch(),
            rates=learning_rates(self.trainer.state()),
            seconds_left=left,
            memory=gpu_memory(self.trainer.device),
        )

    def _save(self, path: Path) -> None:
        """Save, after reading all losses so far: nothing that is not finite replaces a good checkpoint."""
        self._flush()
        average = None if path == self.run_folder.last else self.trainer.average
        if self.is_main:
            save_checkpoint(
                path,
                state=self.trainer.state(),
                model_name=self.trainer.config.model_name,
                config=to_plain(self.trainer.config),
                progress=self.progress.to_plain(),
                drawing_weights=None if average is None else average.drawing_weights(),
            )
            if not self._has_saved:
                self.run_folder.update_status(**{HAD_CHECKPOINTS: True})
                self._has_saved = True
        self.log.restart_clock()

    def _validate(self) -> None:
        """Validate on the fixed batches, and save the best."""
        if self.valid_dataset is None:
            return
        self._flush()
        metrics = self.trainer.validate(self.valid_dataset) if self.is_main else {}
        metrics = distributed.broadcast_object(metrics)
        if not math.isfinite(metrics["loss"]):
            raise UserError(f"step {self.progress.step}: the validation loss is {metrics['loss']}; training stopped")
        is_best = self.progress.record_validation(metrics) and self._best.allows(self.progress)
        self.trainer.after_validation(metrics)
        self.log.validation(metrics, epoch=self._epoch(), is_best=is_best, best_step=self.progress.best_step)
        if is_best:
            self._save(self.run_folder.best)
        self.log.restart_clock()

    def _show(self, *, video: bool) -> None:
        """Pictures, and a video, of validation samples; of training samples where there are none."""
        self._flush()
        self._shown = self.progress.step
        if self.is_main:
            dataset = self.valid_dataset or self.train_dataset
            with own_random(self.trainer.config.run.seed), self.trainer.averaged():
                show_samples(self.trainer, dataset, self.log, video=video)
        self.log.restart_clock()

    def _epoch(self) -> float:
        return self.progress.step * self.recipe.samples_per_step / self.num_samples
