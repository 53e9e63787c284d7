"""What the loop needs of a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from torch import Tensor, nn
from torch.optim import Optimizer

from talkingface.batch import Batch
from talkingface.config.schema import ModelConfig
from talkingface.model.base import AbstractTalkingFace
from talkingface.model.checkpoint import Stateful
from talkingface.trainer.averaging import AveragedWeights
from talkingface.trainer.samples import Draws
from talkingface.trainer.step_guard import StepGuard


class Trainable(Draws, Protocol):
    """What the loop needs of a training besides its samples: steps, a validation, and all that a checkpoint keeps."""

    recipe: ModelConfig
    model: AbstractTalkingFace
    optimizer: Optimizer
    average: AveragedWeights | None
    frozen: list[nn.Module]
    guard: StepGuard
    share: tuple[int, int]
    clock: Callable[[], float]

    def state(self) -> Mapping[str, Stateful]: ...

    def train_step(self, batch: Batch) -> dict[str, Tensor]: ...

    def take_notes(self) -> dict[str, Tensor]: ...

    def validate(self, dataset: Any) -> dict[str, float]: ...

    def averaged(self) -> AbstractContextManager[None]: ...

    def after_validation(self, metrics: Mapping[str, float]) -> None: ...
