"""What every model is: losses to train by, frames to predict, videos to evaluate."""

from __future__ import annotations

import hashlib
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from talkingface.config.schema import Config, ModelConfig
from talkingface.utils.errors import UserError

Videos = dict[str, list[str]]
"""`generated_video` and `real_video`: paths of the same clips, in the same order."""


R = TypeVar("R", bound=ModelConfig)


def recipe(config: Config | ModelConfig | None, kind: type[R]) -> R:
    """The model's part of a configuration: from the whole, the part itself, or `kind`'s defaults.

    Raises:
        TypeError: the part belongs to another model.
    """
    part = config.model if isinstance(config, Config) else config
    if part is None:
        return kind()
    if not isinstance(part, kind):
        raise TypeError(f"wanted a configuration of {kind.__name__}, got {type(part).__name__}")
    return part


class AbstractTalkingFace(nn.Module, ABC):
    """A network with its recipe, `config`: the model's part of the configuration."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def calculate_loss(self, batch: Mapping[str, Tensor], valid: bool = False) -> dict[str, Tensor]:
        """Named losses of a network batch (`batch.to_network`), among them `loss`, the one to minimise.

        `valid` says that the call is a validation; the caller has set evaluation mode and turned gradients off.
        """

    @abstractmethod
    def infer(self, batch: Mapping[str, Tensor]) -> Tensor:
        """The model's output for a network batch, in whatever mode the model is."""

    @torch.no_grad()
    def predict(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Float32 output in [0, 1], without gradients and in evaluation mode; the mode before is put back."""
        training = self.training
        self.eval()
        try:
            return self.infer(batch).float().clamp(0, 1)
        finally:
            self.train(training)

    def generate_batch(self) -> Videos:
        """For models that dub their own test videos, as those of talkingface-toolkit do: name them with the real ones.

        Here a network draws frames, and the evaluator makes the videos of every model in the same way; a model that
        overrides this keeps working for callers of its own.

        Returns:
            `{"generated_video": [...], "real_video": [...]}`: paths of the same clips, in the same order.

        Raises:
            UserError: the model does not override it; says what to call instead.
        """
        raise UserError(
            f"{type(self).__name__}.generate_batch: this model only draws frames; to dub and measure test clips call "
            "talkingface.quick_start.evaluate, to dub one video talkingface.quick_start.generate_video"
        )


def model_mark(model: object) -> str:
    """Return a hash of a module's weights and buffers; of anything else a mark that is never the same again."""
    if not isinstance(model, nn.Module):
        return secrets.token_hex(8)
    total = hashlib.sha256(type(model).__name__.encode())
    for name, value in model.state_dict().items():
        total.update(name.encode())
        total.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()[:16]
