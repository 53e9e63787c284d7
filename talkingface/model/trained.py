"""Networks from catalog rows and checkpoints."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from talkingface import catalog
from talkingface.catalog.resolve import DatasetChoice, resolve
from talkingface.catalog.rows import ModelRow, Need
from talkingface.config.loader import Overrides
from talkingface.config.schema import Config
from talkingface.model.checkpoint import (
    CheckpointHeader,
    ForeignCheckpointError,
    OtherNetworkError,
    checkpoint_file,
    load_weights,
    read_checkpoint,
)
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
        CheckpointError: missing, damaged, of another model, or it does not say of which.
        UserError: the configuration does not fit.
    """
    model = None if model is None else catalog.model_row(model).name
    header = _header(path, model)
    if header is not None and model is not None and model != header.model_name:
        raise CheckpointError(f"{path}: is of {header.model_name}, not of {model}{_hint(catalog.model_row(model))}")
    name = header.model_name if header else model
    if name is None:
        raise CheckpointError(f"{path}: does not say which model it is of; give --model")
    row = catalog.model_row(name)
    stored = _stored(header.config, with_dataset=dataset is None) if header else {}
    overrides = replace(overrides or Overrides(profile="none"), stored=stored, stored_from=str(path))
    choice = dataset or _dataset_of(header)
    resolved = resolve(name, choice, overrides)
    for note in resolved.notes:
        _tell_once(note)
    config = resolved.config
    try:
        if header is None and row.foreign_part is not None:
            config, network = _from_parts(row, config, path)
        else:
            network = build_network(row, config)
            load_weights(network, path)
    except OtherNetworkError as error:
        raise CheckpointError(f"{error}{_hint(row)}") from error
    return Trained(
        path=path, row=row, config=config, network=network.eval(), header=header, dataset=choice, overrides=overrides
    )


def _from_parts(row: ModelRow, config: Config, path: Path) -> tuple[Config, Any]:
    """A network whose original checkpoint holds one part of it; the others come from the checkpoints of its needs."""
    inside = [(need, getattr(config.model, need.path_key)) for need in row.needs if need.inside]
    absent = [need.path_key for need, given in inside if given is None]
    if absent:
        raise CheckpointError(
            f"{path}: original checkpoints of {row.name} hold its {row.foreign_part} alone; give --{absent[0]} too"
        )
    others = [(need, load_trained(checkpoint_file(given), model=need.model)) for need, given in inside]
    values = {own: getattr(one.config.model, theirs) for need, one in others for own, theirs in need.takes}
    config = replace(config, model=replace(config.model, **values))
    network = build_network(row, config)
    load_weights(network.get_submodule(str(row.foreign_part)), path)
    for need, one in others:
        network.get_submodule(need.part).load_state_dict(one.network.state_dict())
    return config, network


def _header(path: Path, model: str | None) -> CheckpointHeader | None:
    """What the checkpoint says about itself; None where it is another project's and the user says what it is."""
    try:
        return read_checkpoint(path)
    except ForeignCheckpointError as error:
        if model is None:
            raise CheckpointError(f"{error}; for a checkpoint of an original project give --model") from error
        return None


def _hint(row: ModelRow) -> str:
    return f". {row.not_to_confuse}" if row.not_to_confuse else ""


@cache
def _tell_once(note: str) -> None:
    logging.getLogger(__name__).warning(note)


def _stored(config: Mapping[str, Any], *, with_dataset: bool) -> dict[str, Any]:
    """What a checkpoint decides: its recipe and, for its own data, where those are; not device or folders of runs."""
    values = dict(config["model"])
    if with_dataset:
        values |= config["dataset"]
    return values


def _dataset_of(header: CheckpointHeader | None) -> DatasetChoice:
    name = str(header.config["dataset_name"]) if header else NO_DATASET
    return DatasetChoice(name=name, row=catalog.dataset_row(name))


def poor(trained: Trained, need: Need) -> str | None:
    """A line of warning where needed weights are worse than they should be, as far as the checkpoint tells."""
    loss = trained.header.metrics.get("loss") if trained.header else None
    if loss is None or need.good_loss is None or loss <= need.good_loss:
        return None
    return (
        f"warning: {need.part} {trained.path} has a validation loss of {loss:.3f}; it is worth training by up to "
        f"{need.good_loss:g}. Train it longer (--model={need.model}), or expect little of it"
    )
