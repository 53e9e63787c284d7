"""What a backend of the key `logger` does, which ones there are, and the one that every training has: metrics.jsonl."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Protocol

from torch import Tensor

from talkingface import catalog
from talkingface.config.kinds import Kind, field_kinds
from talkingface.config.plain import to_plain
from talkingface.config.schema import Config
from talkingface.trainer.run_folder import RunFolder
from talkingface.utils.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Training:
    """The training that is shown."""

    config: Config
    """The resolved configuration."""
    run: RunFolder
    """Its folder; identities that a server gave are kept in its status."""
    folder: Path
    """Where files of backends and the text log go: `log_dir`/<name of the run>."""
    step: int
    """Steps done before."""


class Logger(Protocol):
    """A backend. What it has no place for it leaves out.

    It is made by `Backend(training)`, in the first process alone.
    """

    is_remote: ClassVar[bool] = False
    """Whether it depends on somebody's server, which may fail and end no training."""

    def __init__(self, training: Training) -> None: ...

    @classmethod
    def check(cls) -> None:
        """Look whether the backend can be used; called before anything is trained.

        Raises:
            UserError: its package is not installed, or nobody is logged in where that is needed.
        """

    def values(self, split: str, values: Mapping[str, float], step: int) -> None:
        """Numbers after a step: of `train`, of `valid`, norms of `weights`, or what was `best` up to then."""

    def text(self, name: str, text: str, step: int) -> None:
        """Markdown."""

    def image(self, name: str, image: Tensor, step: int) -> None:
        """A picture, uint8 (3, H, W) RGB."""

    def video(self, name: str, path: Path, step: int) -> None:
        """A video file of the run's folder; it stays there."""

    def finish(self, step: int) -> None:
        """Training has come to its end."""

    def close(self) -> None:
        """Write what is held; the training ends, or was cut short and may be resumed."""


class JsonlLogger(Logger):
    """metrics.jsonl in the run's folder: a line for `train` or `valid`.

    Every training writes it, whether `logger` names it or not: reports, comparisons and a resume read it.
    """

    def __init__(self, training: Training) -> None:
        self._run = training.run

    def values(self, split: str, values: Mapping[str, float], step: int) -> None:
        if split in ("train", "valid"):
            self._run.append_metrics({"step": step, "split": split, **values})


CLASSES = {
    "jsonl": "talkingface.trainer.loggers.logger:JsonlLogger",
    "tensorboard": "talkingface.trainer.loggers.tensorboard_logger:TensorBoardLogger",
    "wandb": "talkingface.trainer.loggers.wandb_logger:WandbLogger",
    "mlflow": "talkingface.trainer.loggers.mlflow_logger:MlflowLogger",
}
"""The names that `logger` takes -> class of the backend."""


def check_loggers(names: Sequence[str]) -> None:
    """Look, before anything is trained, whether the backends can be used.

    Raises:
        UserError: one cannot.
    """
    for name in names:
        catalog.load(CLASSES[name]).check()


def make_loggers(names: Sequence[str], training: Training) -> Iterator[tuple[str, Logger]]:
    """The backends by name, metrics.jsonl first."""
    for name in dict.fromkeys(("jsonl", *names)):
        yield name, catalog.load(CLASSES[name])(training)


def require(package: str) -> ModuleType:
    """The package of a backend.

    Raises:
        UserError: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise UserError(
            f"logger: {package} was asked for and is not installed; pip install -r requirements-{package}.txt (or the "
            f"extra talkingface[{package}]), or leave it out of logger"
        ) from None


ALSO = ("epochs", "max_steps", "max_minutes", "precision", "run_name")
"""What tells trainings apart besides keys that change what is learnt."""


def hparams(config: Config) -> dict[str, bool | float | str]:
    """What decides the result and when training ends, as numbers, truth values and text, and what the run is called."""
    found: dict[str, Any] = {"model": config.model_name, "dataset": config.dataset_name}
    plain = to_plain(config)
    for part in ("model", "dataset", "run"):
        kinds = field_kinds(type(getattr(config, part)))
        for field in fields(getattr(config, part)):
            if kinds[field.name] is Kind.RESULT or field.name in ALSO:
                found[field.name] = plain[part][field.name]
    return {key: _scalar(value) for key, value in found.items()}


def _scalar(value: Any) -> bool | float | str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return "none" if value is None else value
