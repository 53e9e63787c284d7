"""What a training recipe is. A model that trains by its own `calculate_loss` needs no recipe of its own.

A recipe overrides `train_step` (one screen, as the paper says it), and where it trains or needs more than the network
`set_up` and `state`. The loop around the steps is in loop.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from talkingface.batch import INPUT_FRAMES, Batch
from talkingface.config.schema import Config, ModelConfig
from talkingface.model.base import AbstractTalkingFace
from talkingface.model.checkpoint import Stateful, best_checkpoint
from talkingface.trainer import distributed
from talkingface.trainer.averaging import AveragedWeights
from talkingface.trainer.gradient_exchange import Exchanges
from talkingface.trainer.loop import Loop
from talkingface.trainer.loss_scale import LossScales
from talkingface.trainer.placing import place
from talkingface.trainer.progress import FitResult, Progress
from talkingface.trainer.quantities import optimizer_suffix
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.samples import Image, clip_frames, face_grid
from talkingface.trainer.schedule import make_optimizer
from talkingface.trainer.starting import freeze_prefixes, start_from_weights
from talkingface.trainer.step_guard import StepGuard
from talkingface.trainer.validation import fixed_batches, mean_values
from talkingface.utils.device import autocast, set_policy
from talkingface.utils.seed import own_random

Module = TypeVar("Module", bound=nn.Module)


class Trainer:
    """Trains a model by its own `calculate_loss`.

    Args:
        config: the resolved configuration.
        model: the network.
        run: where checkpoints and metrics go; a run that was cut short is continued from its last checkpoint.
        device: where to train; under torchrun each process takes its own.
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
        self.config, self.recipe, self.run = config, config.model, run
        self.device = distributed.start(device)
        set_policy(self.device, precision=config.run.precision, deterministic=config.run.deterministic)
        self.scales = LossScales(self.device, config.run.precision)
        self.model = self.place(model)
        self.frozen = freeze_prefixes(self.model, self.recipe.freeze)  # normalisation layers that keep their statistics
        self.parts = {name: self.place(part) for name, part in (parts or {}).items()}
        self.optimizer = make_optimizer(self.model, self.recipe, learning_rate=self.recipe.learning_rate)
        self.share = (0, 1)  # which part of a step's samples this is, of how many; set by the loop
        self.progress = Progress()
        self.clock: Callable[[], float] = time.perf_counter
        """Tells seconds; the minutes of training are taken from it."""
        self.guard = StepGuard()
        self._notes: dict[str, Tensor] = {}
        self._exchanges = Exchanges()
        self.average: AveragedWeights | None = None  # of the network's weights, where the recipe keeps one
        self.set_up()
        if best_checkpoint(run.path) is None:  # it begins
            self.config = start_from_weights(config, self.state(), run=run)
        if self.recipe.ema_decay is not None:
            self.average = AveragedWeights(self.model, self.recipe.ema_decay)
        self.scales.join(self.state().values())

    def fit(self, train_dataset: Any, valid_dataset: Any = None) -> FitResult:
        """Train to the end that the configuration gives, from the run's last checkpoint if there is one.

        A run that has finished goes on where the end lies later now, see `progress.extends`.

        Args:
            train_dataset: map-style; item i is sample i % len of epoch i // len, in stored forms of batch.py.
            valid_dataset: likewise, fixed; None or empty trains without validation.

        Raises:
            UserError: a loss is not finite; the folder is in use; there is no training data.
        """
        Loop(self, train_dataset, valid_dataset).run()
        score = self.progress.best_score
        best = self.run.last if score is None else self.run.best
        return FitResult(steps=self.progress.step, best_score=score, best=best, last=self.run.last)

    # What recipes override

    @classmethod
    def check(cls, config: Config) -> None:
        """Look, before anything is trained, whether what the recipe reads besides the data is there; writes nothing.

        Raises:
            UserError: something is not.
        """

    @classmethod
    def new_parts(cls, recipe: ModelConfig) -> dict[str, Callable[[], nn.Module]]:
        """How the networks that it trains besides the model are made, by their name in `state`."""
        return {}

    def set_up(self) -> None:
        """Make what the recipe needs besides the network and its optimizer; called when all else is constructed."""

    def train_step(self, batch: Batch) -> dict[str, Tensor]:
        """One optimizer step; returns its losses, as tensors: reading them here would wait for the device.

        What is no loss and shall be shown beside them is given to `note`.
        """
        with self.autocast():
            losses = self.model.calculate_loss(batch)
        self.optimize(self.optimizer, losses["loss"])
        return losses

    def valid_step(self, batch: Batch) -> dict[str, Tensor]:
        """Values of one validation batch; `loss` decides which checkpoint is the best (lower is better)."""
        with self.autocast():
            return self.model.calculate_loss(batch, valid=True)

    def after_validation(self, metrics: Mapping[str, float]) -> None:
        """Act on a validation's values; called before anything is saved."""

    def state(self) -> dict[str, Stateful]:
        """Every part that a checkpoint keeps, by name; `model` is the network."""
        average = {} if self.average is None else {"ema": self.average}
        return {"model": self.model, "optimizer": self.optimizer, **average}

    sample_columns: ClassVar[tuple[str, ...]] = ("reference", "masked", "generated", "real")
    """What the pictures in a row of `sample` are, from left to right."""

    def sample(self, batch: Batch) -> Image | None:
        """A picture of what the model does with some validation samples; None where it draws no faces."""
        if INPUT_FRAMES not in batch:
            return None
        with self.autocast():
            return face_grid(batch, self.model.predict(batch))

    def sample_clip(self, clip: Any) -> Iterator[Image]:
        """Frames of a validation clip as the model draws it, BGR pictures: ground truth beside generated."""
        return clip_frames(
            self.model,
            clip,
            fps=self.config.dataset.fps,
            device=self.device,
            batch_size=self.recipe.evaluate_batch_size,
            precision=self.config.run.precision,
        )

    # What recipes use

    def place(self, module: Module) -> Module:
        """Move a network to the device and make it ready, see placing.py."""
        return place(module, self.device, self.config.run)

    def part(self, name: str, make: Callable[[], nn.Module]) -> nn.Module:
        """The part of that name that was given, else a new one, on the device."""
        return self.parts[name] if name in self.parts else self.place(make())

    def note(self, name: str, value: Tensor) -> None:
        """Log a quantity of this step that is no loss, () scalar, beside the losses: in metrics.jsonl, TensorBoard
        and the report's charts.

        It is read when a line is due, so noting waits for nothing; of a step in parts the last part's value stays.
        Unlike a loss it may be infinite or not a number, and is then left out.
        """
        self._notes[name] = value.detach()

    def take_notes(self) -> dict[str, Tensor]:
        """What was noted since this was last called."""
        notes, self._notes = self._notes, {}
        return notes

    def autocast(self) -> AbstractContextManager[object]:
        """The arithmetic of forward passes; weights stay float32."""
        return autocast(self.device, self.config.run.precision)

    def optimize(self, optimizer: Optimizer, loss: Tensor) -> None:
        """Backward, clip, step, for the weights of one optimizer; of a step in parts only the last one ends it.

        Nothing is updated where the loss or a gradient is not finite. Notes `grad_norm`, the norm of the gradients
        before clipping, in the steps that a line is due after, with the name behind it of a network that is not the
        model.
        """
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        part, parts = self.share
        if part == 0:
            optimizer.zero_grad(set_to_none=True)
        scale, is_last = self.scales.of(optimizer), part + 1 == parts
        with self._exchanges.of(optimizer).during_backward() if is_last else nullcontext():
            scale.scale(loss / parts).backward()
        self.guard.see(loss)
        if not is_last:
            return
        scale.unscale_(optimizer)
        is_due = (self.progress.step + 1) % self.recipe.log_every == 0
        name = optimizer_suffix(self.state(), optimizer) if is_due else None
        if self.recipe.grad_clip_norm is not None:
            norm = nn.utils.clip_grad_norm_(weights, self.recipe.grad_clip_norm)
        else:
            norm = nn.utils.get_total_norm([weight.grad for weight in weights if weight.grad is not None])
        if name is not None:
            self.note(f"grad_norm{name}", norm)
        if self.scales.enabled:  # it looks for itself, and a step that it leaves out is no fault
            scale.step(optimizer)
            scale.update()
        else:
            self.guard.step(optimizer, norm)

    def averaged(self) -> AbstractContextManager[None]:
        """The network with its averaged weights, where the recipe keeps such."""
        return nullcontext() if self.average is None else self.average.applied()

    def validate(self, dataset: Any) -> dict[str, float]:
        """Means of `valid_step` over the fixed validation batches: the same each time."""
        with self.validating():
            return mean_values(self.valid_step, dataset, self.validation_batches(dataset), device=self.device)

    def validation_batches(self, dataset: Any) -> list[range]:
        """Sample numbers of the validation's batches."""
        return fixed_batches(
            len(dataset), batch_size=self.recipe.evaluate_batch_size, num_batches=self.recipe.valid_batches
        )

    @contextmanager
    def validating(self) -> Iterator[None]:
        """Evaluation mode, averaged weights and random numbers of its own, without a trace in the training."""
        self.model.eval()
        try:
            with self.averaged(), own_random(self.config.run.seed):
                yield
        finally:
            self.model.train()
