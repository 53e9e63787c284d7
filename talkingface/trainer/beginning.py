"""What a training says once, when it begins or goes on: command, version, device, data, configuration."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sized
from typing import Any, Protocol

import torch

import talkingface
from talkingface.config.plain import to_yaml
from talkingface.config.schema import Config
from talkingface.trainer import distributed
from talkingface.trainer.progress import Progress, total_steps
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.train_log import TrainLog
from talkingface.utils.machine import describe


class Begins(Protocol):
    """What is told of a training."""

    config: Config
    run: RunFolder
    device: torch.device
    progress: Progress


def begin(log: TrainLog, training: Begins, train_data: Sized, valid_data: Sized | None) -> None:
    """Tell the device, and write the header of train.log and the configuration as text."""
    log.note(f"command: {' '.join(sys.orig_argv)}")
    log.note(
        f"talkingface {talkingface.__version__}, Python {platform.python_version()}, torch {torch.__version__}, "
        f"{platform.platform()}"
    )
    log.note(f"configuration: {training.run.config_file}")
    log.note(f"data: {_size(train_data)} to train with, {_size(valid_data)} to validate with")
    log.note(_length(training, len(train_data)))
    processes = f", {distributed.world()} processes" if distributed.world() > 1 else ""
    log.say(f"device: {describe(training.device, training.config.run.precision)}{processes}")
    log.text("configuration", f"```yaml\n{_recipe_first(to_yaml(training.config))}\n```")


def _size(data: Any) -> str:
    if data is None:
        return "none"
    clips = getattr(data, "clips", None)
    return f"{len(data):,} samples" + (f" of {len(clips)} clip{'s' * (len(clips) > 1)}" if clips else "")


def _recipe_first(text: str) -> str:
    """A configuration's YAML with the model's part before the dataset's and the run's, as it is what is looked for."""
    names, *parts = text.split("\n# ")
    return "\n# ".join([names, *reversed([part.strip("\n") + "\n" for part in parts])])


def _length(training: Begins, num_samples: int) -> str:
    recipe, step = training.config.model, training.progress.step
    end = total_steps(recipe, training.progress, num_samples)
    planned = "" if recipe.max_minutes is None else f", or {recipe.max_minutes:g} minutes"
    goes_on = f"goes on after step {step:,}" if step else "begins"
    return f"{goes_on}, ends after step {end:,}{planned}; {recipe.samples_per_step} samples a step"
