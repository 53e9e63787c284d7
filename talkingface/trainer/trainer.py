"""The training loop that all recipes share. A recipe overrides `train_step`, and `state` where it has more parts."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import default_collate

from talkingface.batch import Batch, to_network
from talkingface.config.plain import to_plain
from talkingface.config.schema import Config
from talkingface.model.base import AbstractTalkingFace
from talkingface.trainer import distributed
from talkingface.trainer.checkpoint import (
    Stateful,
    load_checkpoint,
    rng_state,
    save_checkpoint,
    set_rng_state,
)
from talkingface.trainer.loader import StreamSampler, fixed_batches, make_loader
from talkingface.trainer.optimizer import make_optimizer, set_learning_rate
from talkingface.trainer.progress import Progress, is_finished, rate_factor, seconds_left, total_steps
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.stop_signal import StopSignal
from talkingface.trainer.train_log import TrainLog
from talkingface.utils.device import autocast

Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True, kw_only=True)
class FitResult:
    """How a training ended."""

    steps: int
    """Optimizer steps done in all, those before a resume included."""
    best_score: float | None
    """Lowest validation loss; None without validation data."""
    best: Path
    """Checkpoint of `best_score`; the last one without validation data."""
    last: Path
    """Checkpoint of the last step."""


class Trainer:
    """Trains a model by its own `calculate_loss`.

    Args:
        config: the resolved configuration.
        model: the network.
        run: where checkpoints and metrics go; a run that was cut short is continued from its last checkpoint.
        device: where to train.
        parts: trained or frozen networks that the recipe needs besides, by name.
    """

    def __init__(
        self,
        config: Config,
        model: AbstractTalkingFace,
        *,
        run: RunFolder,
        device: torch.device,
        parts: Mapping[str, nn.Module] | None = None,
    ) -> None:
        self.config, self.recipe = config, config.model
        self.run = run
        self.device = distributed.start(device)
        self.model = self.place(model)
        self.parts = {name: self.place(part) for name, part in (parts or {}).items()}
        self.optimizer = make_optimizer(self.model, self.recipe, learning_rate=self.recipe.learning_rate)
        self.progress = Progress()
        self.num_samples = 0
        self._clock = 0.0

    # What recipes override

    def train_step(self, batch: Batch) -> dict[str, Tensor]:
        """One optimizer step; returns the losses to log, as tensors (reading them would wait for the device)."""
        with self.autocast():
            losses = self.model.calculate_loss(batch)
        self.optimize(self.optimizer, losses["loss"])
        return losses

    def valid_step(self, batch: Batch) -> dict[str, Tensor]:
        """Values of one validation batch; `loss` decides which checkpoint is the best (lower is better)."""
        with self.autocast():
            return self.model.calculate_loss(batch, valid=True)

    def state(self) -> dict[str, Stateful]:
        """Every part that a checkpoint keeps, by name; `model` is the network."""
        return {"model": self.model, "optimizer": self.optimizer}

    # What recipes use

    def place(self, module: Module) -> Module:
        """Move a network to the device, convolution weights channels-last."""
        module = module.to(self.device)
        for parameter in module.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        return module

    def autocast(self) -> AbstractContextManager[object]:
        """The arithmetic of forward passes; weights stay float32."""
        return autocast(self.device, self.config.run.precision)

    def optimize(self, optimizer: Optimizer, loss: Tensor) -> None:
        """Backward, clip, step, for the weights of one optimizer."""
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        distributed.average_gradients(weights)
        if self.recipe.grad_clip_norm is not None:
            nn.utils.clip_grad_norm_(weights, self.recipe.grad_clip_norm)
        optimizer.step()

    # The loop

    def fit(self, train_dataset: Any, valid_dataset: Any = None) -> FitResult:
        """Train to the end that the configuration gives, from the run's last checkpoint if there is one.

        Args:
            train_dataset: map-style; item i is sample i % len of epoch i // len, stored forms of batch.py.
            valid_dataset: likewise, fixed; None or empty trains without validation.

        Raises:
            UserError: a loss is not finite; the folder is in use; no training data.
        """
        is_main = distributed.rank() == 0
        if not is_main:
            return self._fit(train_dataset, valid_dataset, None)
        with self.run.lock():
            return self._fit(train_dataset, valid_dataset, self.run)

    def _fit(self, train_dataset: Any, valid_dataset: Any, run: RunFolder | None) -> FitResult:
        self.num_samples = len(train_dataset)
        self._resume(run)
        batches = self._batches(train_dataset)
        log = TrainLog(
            run,
            log_dir=Path(self.config.run.log_dir),
            step=self.progress.step,
            total_steps=total_steps(self.recipe, self.num_samples),
            show_progress=self.config.run.show_progress,
        )
        try:
            with StopSignal() as stop:
                self._clock = time.perf_counter()
                while not is_finished(self.recipe, self.progress, self.num_samples):
                    self._step(batches, log)
                    self._after_step(valid_dataset, log)
                    stop.check(lambda: self._save(log))
                if self.progress.validated_step != self.progress.step:
                    self._validate(valid_dataset, log)
                self._save(log)
        finally:
            log.close()
        if run is not None:
            run.update_status(finished=True, steps=self.progress.step, best_score=self.progress.best_score)
        distributed.barrier()
        best = self.run.last if self.progress.best_score is None else self.run.best
        return FitResult(steps=self.progress.step, best_score=self.progress.best_score, best=best, last=self.run.last)

    def _resume(self, run: RunFolder | None) -> None:
        """Take over the last checkpoint, if any, and drop the metrics that will be written again."""
        for part in self.state().values():
            if isinstance(part, nn.Module):
                distributed.broadcast_module(part)
        if self.run.last.is_file():
            contents = load_checkpoint(self.run.last, self.state())
            self.progress.load_plain(contents["progress"])
            set_rng_state(contents["rng"])
        if run is not None:
            run.truncate_metrics(self.progress.step)
            run.update_status(finished=False)
        distributed.barrier()

    def _batches(self, dataset: Any) -> Iterator[Batch]:
        sampler = StreamSampler(
            len(dataset),
            batch_size=self.recipe.train_batch_size,
            seed=self.config.run.seed,
            start_step=self.progress.step,
            rank=distributed.rank(),
            world=distributed.world(),
        )
        workers, pin = self.config.run.num_workers, self.device.type == "cuda"
        return iter(make_loader(dataset, sampler=sampler, num_workers=workers, pin_memory=pin))

    def _step(self, batches: Iterator[Batch], log: TrainLog) -> None:
        began = time.perf_counter()
        stored = next(batches)
        log.waited(time.perf_counter() - began)
        factor = rate_factor(self.recipe, self.progress)
        for part in self.state().values():
            if isinstance(part, Optimizer):
                set_learning_rate(part, factor)
        log.add(self.train_step(to_network(stored, self.device)))
        self.progress.step += 1
        now = time.perf_counter()
        self.progress.minutes += (now - self._clock) / 60
        self._clock = now

    def _after_step(self, valid_dataset: Any, log: TrainLog) -> None:
        step, recipe = self.progress.step, self.recipe
        if step % recipe.log_every == 0:
            self._flush(log)
        if step % recipe.valid_every == 0:
            self._validate(valid_dataset, log)
        if step % recipe.save_every == 0:
            self._save(log)
        if recipe.keep_every is not None and step % recipe.keep_every == 0:
            self._save(log, self.run.step_checkpoint(step))

    def _epoch(self) -> float:
        return self.progress.step * self.recipe.train_batch_size / self.num_samples

    def _flush(self, log: TrainLog) -> None:
        left = seconds_left(self.recipe, self.progress, self.num_samples, log.speed())
        log.flush(epoch=self._epoch(), learning_rate=self.optimizer.param_groups[0]["lr"], seconds_left=left)

    def _save(self, log: TrainLog, path: Path | None = None) -> None:
        """Save after reading all losses so far, so that nothing that is not finite is ever saved."""
        self._flush(log)
        if distributed.rank() == 0:
            save_checkpoint(
                path or self.run.last,
                state=self.state(),
                model_name=self.config.model_name,
                config=to_plain(self.config),
                progress=self.progress.to_plain(),
            )
        log.restart_clock()

    def _validate(self, dataset: Any, log: TrainLog) -> None:
        """Validate on the fixed batches, and save the best."""
        if dataset is None or len(dataset) == 0:
            return
        self._flush(log)
        metrics = self.validate(dataset) if distributed.rank() == 0 else {}
        metrics = distributed.broadcast_object(metrics)
        is_best = self.progress.record_validation(metrics)
        log.validation(metrics, epoch=self._epoch(), is_best=is_best)
        if is_best:
            self._save(log, self.run.best)
        log.restart_clock()

    @torch.no_grad()
    def validate(self, dataset: Any) -> dict[str, float]:
        """Mean of `valid_step` over the fixed validation batches; the same each time, random states untouched."""
        indices = fixed_batches(
            len(dataset), batch_size=self.recipe.evaluate_batch_size, num_batches=self.recipe.valid_batches
        )
        random_state = rng_state()
        torch.manual_seed(self.config.run.seed)
        self.model.eval()
        try:
            sums: dict[str, Tensor] = {}
            for batch in indices:
                values = self.valid_step(to_network(default_collate([dataset[i] for i in batch]), self.device))
                for name, value in values.items():
                    sums[name] = sums.get(name, 0) + value.double() * len(batch)
        finally:
            self.model.train()
            set_rng_state(random_state)
        total = sum(len(batch) for batch in indices)
        return {name: float(value) / total for name, value in sums.items()}
