"""From names as the user gave them to typed configurations: which catalog rows, which folders, which layers."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from talkingface import catalog
from talkingface.catalog.rows import DatasetRow, ModelRow
from talkingface.config.layers import dataset_files, keys_in_files, own_model_files
from talkingface.config.loader import Overrides, Resolved, Schemas, load_config
from talkingface.config.own_keys import ChainKeys
from talkingface.config.schema import ModelConfig
from talkingface.config.typed import expand_home
from talkingface.config.yaml_file import shown
from talkingface.utils.errors import UserError

LOGGER = logging.getLogger(__name__)
FOLDER_KEYS = ("data_root", "preprocessed_root")


@dataclass(frozen=True, kw_only=True)
class DatasetChoice:
    """What `--dataset` stands for."""

    name: str
    row: DatasetRow
    folders: Mapping[str, str] = field(default_factory=dict)
    """Folders that differ from dataset/<name>/..."""


def choose_dataset(text: str, overrides: Overrides | None = None) -> DatasetChoice:
    """A dataset by its name, or by the folder of its videos (`--dataset=my/videos`, `--dataset=~/videos`).

    A name is known by its catalog row, its YAML, its folder under dataset/, or because a flag gives its folders. Case
    does not matter where one known name is meant and no folder has the very spelling.

    Raises:
        UserError: no such dataset or folder.
    """
    try:
        text = expand_home(text)
    except ValueError as error:
        raise UserError(f"--dataset: {error}") from None
    flags = {*overrides.flags, *keys_in_files(overrides.files)} if overrides else set()
    known = dataset_names()
    by_name = Path(text).name == text and text != ".."
    if text in known:
        return DatasetChoice(name=text, row=catalog.dataset_row(text))
    if text and Path(text).is_dir() and not (by_name and _gives_folders(flags)):
        return _choose_folder(Path(text))
    if by_name and (spelt := catalog.spelling(text, known)) is not None:
        return DatasetChoice(name=spelt, row=catalog.dataset_row(spelt))
    if by_name and _gives_folders(flags):
        return DatasetChoice(name=text, row=catalog.VIDEOS)
    raise UserError(_no_dataset(text, by_name))


def _gives_folders(keys: Collection[str]) -> bool:
    return any(key in keys for key in FOLDER_KEYS)


def _choose_folder(folder: Path) -> DatasetChoice:
    name = folder.resolve().name
    if folder.resolve().parent == Path("dataset").resolve():
        return DatasetChoice(name=name, row=catalog.dataset_row(name))
    if name in catalog.dataset_row_names():
        raise UserError(f"--dataset={folder}: its name {name!r} is that of a built-in dataset; rename the folder")
    return DatasetChoice(name=name, row=catalog.VIDEOS, folders={"data_root": str(folder)})


def _no_dataset(text: str, by_name: bool) -> str:
    if not by_name:
        return f"--dataset={text}: there is no such folder"
    known = dataset_names()
    return (
        catalog.unknown("dataset", text, known)
        + f". For videos of your own give their folder (--dataset=path/to/videos) or put them in dataset/{text}/data"
    )


def dataset_names() -> list[str]:
    """Datasets that can be named: catalog rows, YAMLs, and folders under dataset/ in their own spelling."""
    folders = sorted(path.name for path in Path("dataset").glob("*") if path.is_dir())
    return list(dict.fromkeys([*catalog.dataset_row_names(), *dataset_files(), *folders]))


def chain_models(row: ModelRow) -> list[str]:
    """Models that a command on this one may train: itself, what it needs, and the expert that measures its sync."""
    found = [row.name]
    for need in (*row.needs, *([row.sync_expert] if row.sync_expert else [])):
        found += [name for name in chain_models(catalog.model_row(need.model)) if name not in found]
    return found


def resolve(
    model: str | None, dataset: str | DatasetChoice, overrides: Overrides | None = None, *, asked_for: bool = True
) -> Resolved:
    """The configuration of one model on one dataset; without a model, of what all models share.

    Raises:
        UserError: unknown names, or all that is wrong with the configuration.
    """
    row = catalog.model_row(model) if model is not None else None
    choice = choose_dataset(dataset, overrides) if isinstance(dataset, str) else dataset
    for path in own_model_files():
        if path.stem not in catalog.model_names():
            raise UserError(f"{shown(path)}: {catalog.unknown('model', path.stem, catalog.model_names())}")
    schemas = Schemas(
        dataset=catalog.load(choice.row.config),
        model=catalog.load(row.config) if row else ModelConfig,
        elsewhere=catalog.all_model_keys,
        serves=lambda: catalog.serves(row.name) if row else frozenset(),
        takes=lambda: catalog.takes(row.name) if row else frozenset(),
        chain=ChainKeys(
            models=lambda: tuple(chain_models(row)) if row else (),
            known=lambda: tuple(catalog.model_names()),
            keys=lambda name: catalog.model_keys(catalog.model_row(name)),
        ),
    )
    resolved = load_config(
        model_name=row.name if row else "",
        dataset_name=choice.name,
        schemas=schemas,
        overrides=overrides,
        folders=choice.folders,
        asked_for=asked_for,
    )
    for note in resolved.notes if asked_for or row is None else ():
        _tell_once(note)
    return resolved


@cache
def _tell_once(note: str) -> None:
    """Log a note, of several processes (torchrun's RANK) in the first alone."""
    if os.environ.get("RANK", "0") == "0":
        LOGGER.warning(note)
