"""Networks from catalog rows and checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from talkingface import catalog
from talkingface.catalog.resolve import DatasetChoice, resolve
from talkingface.catalog.rows import ModelRow
from talkingface.config.loader import Overrides
from talkingface.config.schema import Config
from talkingface.model.checkpoint import (
    Checkpoint,
    CheckpointHeader,
    ForeignCheckpointError,
    checkpoint_file,
)
from talkingface.model.fitting import OtherNetworkError
from talkingface.utils.errors import CheckpointError

NO_DATASET = "any"
"""Name of the dataset where a command has none."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A network with its weights, and the configuration it was trained with."""

    path: Path
    row: ModelRow
    config: Config
    network: Any
    """The row's class, in evaluation mode."""
    header: CheckpointHeader | None
    """None for a checkpoint of another project."""
    dataset: DatasetChoice
    overrides: Overrides
    """The user's layers with the checkpoint's own values."""


def build_network(row: ModelRow, config: Config) -> Any:
    """A freshly initialised network."""
    return catalog.load(row.model)(config)


def load_trained(
    path: Path, *, model: str | None = None, dataset: DatasetChoice | None = None, overrides: Overrides | None = None
) -> Trained:
    """Build the network of a checkpoint and load its weights.

    Args:
        path: a checkpoint of ours, which knows its model and configuration, or of an original project.
        model: the model it should be of; needed for original checkpoints.
        dataset: data to use it on; by default those it was trained on.
        overrides: the user's layers, above the checkpoint's values.

    Raises:
        ForeignCheckpointError: of another project, and no model is given.
        CheckpointError: missing, damaged, or of another model.
        UserError: the configuration does not fit.
    """
    model = None if model is None else catalog.model_row(model).name
    checkpoint = Checkpoint.read(path)
    header = checkpoint.header
    if header is None and model is None:
        raise ForeignCheckpointError(
            f"{path}: not written by this toolkit, so it does not say which model it is of; for a checkpoint of an "
            "original project give --model"
        )
    if header is not None and model is not None and model != header.model_name:
        raise CheckpointError(f"{path}: is of {header.model_name}, not of {model}{_hint(catalog.model_row(model))}")
    name = header.model_name if header else str(model)
    row = catalog.model_row(name)
    stored = _stored(header.config, with_dataset=dataset is None) if header else {}
    overrides = replace(overrides or Overrides(profile="none"), stored=stored, stored_from=str(path))
    choice = dataset or _dataset_of(header)
    resolved = resolve(name, choice, overrides)
    config = resolved.config
    try:
        with torch.random.fork_rng():  # loading draws no random numbers from a training's own
            if header is None and row.foreign_part is not None:
                config, network = _from_parts(row, config, checkpoint)
            else:
                network = build_network(row, config)
                checkpoint.load_into(network)
    except OtherNetworkError as error:
        raise CheckpointError(f"{error}{_hint(row)}") from error
    return Trained(
        path=path, row=row, config=config, network=network.eval(), header=header, dataset=choice, overrides=overrides
    )


def _from_parts(row: ModelRow, config: Config, checkpoint: Checkpoint) -> tuple[Config, Any]:
    """A network whose original checkpoint holds one part of it; the others come from the checkpoints of its needs."""
    inside = [(need, getattr(config.model, need.path_key)) for need in row.needs if need.inside]
    absent = [need.path_key for need, given in inside if given is None]
    if absent:
        raise CheckpointError(
            f"{checkpoint.path}: original checkpoints of {row.name} hold its {row.foreign_part} alone; give "
            f"--{absent[0]} too"
        )
    others = [(need, load_trained(checkpoint_file(given), model=need.model)) for need, given in inside]
    values = {own: getattr(one.config.model, theirs) for need, one in others for own, theirs in need.takes}
    config = replace(config, model=replace(config.model, **values))
    network = build_network(row, config)
    checkpoint.load_into(network.get_submodule(str(row.foreign_part)))
    for need, one in others:
        network.get_submodule(need.part).load_state_dict(one.network.state_dict())
    return config, network


def _hint(row: ModelRow) -> str:
    return f". {row.not_to_confuse}" if row.not_to_confuse else ""


def _stored(config: Mapping[str, Any], *, with_dataset: bool) -> dict[str, Any]:
    """What a checkpoint decides: its recipe and, for its own data, where those are; not device or folders of runs."""
    values = dict(config["model"])
    if with_dataset:
        values |= config["dataset"]
    return values


def _dataset_of(header: CheckpointHeader | None) -> DatasetChoice:
    name = str(header.config["dataset_name"]) if header else NO_DATASET
    return DatasetChoice(name=name, row=catalog.dataset_row(name))
