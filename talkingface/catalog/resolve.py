"""From names as the user gave them to typed configurations: which catalog rows, which folders, which layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from talkingface import catalog
from talkingface.catalog.rows import DatasetRow
from talkingface.config.loader import Overrides, Resolved, Schemas, load_config
from talkingface.config.schema import ModelConfig
from talkingface.config.yaml_file import PROPERTIES
from talkingface.utils.errors import UserError

FOLDER_KEYS = ("data_root", "preprocessed_root")


@dataclass(frozen=True, kw_only=True)
class DatasetChoice:
    """What `--dataset` stands for."""

    name: str
    row: DatasetRow
    folders: Mapping[str, str] = field(default_factory=dict)
    """Folders that differ from dataset/<name>/..."""


def choose_dataset(text: str, overrides: Overrides | None = None) -> DatasetChoice:
    """A dataset by its name, or by the folder of its videos (`--dataset=my/videos`).

    A name is known by its catalog row, its YAML, its folder under dataset/, or because a flag gives its folders.

    Raises:
        UserError: no such dataset or folder.
    """
    rows = catalog.one_each(catalog.DATASETS)
    flags = overrides.flags if overrides else {}
    if text in rows:
        return DatasetChoice(name=text, row=rows[text])
    by_name = "/" not in text and text not in (".", "..")
    known = (PROPERTIES / "dataset" / f"{text}.yaml").is_file() or Path("dataset", text).is_dir()
    if by_name and (known or any(key in flags for key in FOLDER_KEYS)):
        return DatasetChoice(name=text, row=catalog.VIDEOS)
    if not text or not Path(text).is_dir():
        raise UserError(_no_dataset(text, by_name))
    return _choose_folder(Path(text), taken=set(rows))


def _choose_folder(folder: Path, taken: set[str]) -> DatasetChoice:
    name = folder.resolve().name
    if folder.resolve().parent == Path("dataset").resolve():
        return DatasetChoice(name=name, row=catalog.one_each(catalog.DATASETS).get(name, catalog.VIDEOS))
    if name in taken:
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
    """Datasets that can be named: catalog rows, YAMLs, and folders under dataset/."""
    rows = [row.name for row in catalog.DATASETS]
    yamls = [path.stem for path in (PROPERTIES / "dataset").glob("*.yaml")]
    folders = [path.name for path in Path("dataset").glob("*") if path.is_dir()]
    return list(dict.fromkeys([*rows, *sorted(yamls), *sorted(folders)]))


def resolve(
    model: str | None, dataset: str | DatasetChoice, overrides: Overrides | None = None, *, asked_for: bool = True
) -> Resolved:
    """The configuration of one model on one dataset; without a model, of what all models share.

    Raises:
        UserError: unknown names, or all that is wrong with the configuration.
    """
    row = catalog.model_row(model) if model is not None else None
    choice = choose_dataset(dataset, overrides) if isinstance(dataset, str) else dataset
    schemas = Schemas(
        dataset=catalog.load(choice.row.config),
        model=catalog.load(row.config) if row else ModelConfig,
        elsewhere=catalog.all_model_keys,
    )
    return load_config(
        model_name=row.name if row else "",
        dataset_name=choice.name,
        schemas=schemas,
        overrides=overrides,
        folders=choice.folders,
        asked_for=asked_for,
    )
