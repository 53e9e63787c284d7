"""Every model and every kind of dataset, one row each. Classes are named as text and imported when needed.

A package outside this repository adds a model by an entry point of the group `talkingface.models`: its name is the
model's name, its value a `ModelRow`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from talkingface.config.typed import field_types
from talkingface.utils.errors import UserError

ENTRY_POINTS = "talkingface.models"


@dataclass(frozen=True, kw_only=True)
class Need:
    """Trained weights of another model, without which a model does not train."""

    part: str
    """Name under which the trainer gets it."""
    model: str
    """Row of the model that is needed."""
    path_key: str
    """Key of the model's configuration that may give a checkpoint."""
    when: str | None = None
    """Key of the model's configuration that turns the need off when it is 0 or false."""
    good_loss: float | None = None
    """Validation loss up to which such weights are worth having; a warning tells of worse ones."""


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """All that the chain has to know about a model. Classes are written `module:Name`."""

    name: str
    description: str
    config: str
    """Subclass of `ModelConfig`, in a module that imports no torch."""
    model: str
    """Subclass of `AbstractTalkingFace`: (config: Config)."""
    dataset: str
    """Map-style dataset: (config: Config, split: str)."""
    trainer: str
    """Subclass of `Trainer`."""
    needs: tuple[Need, ...] = ()
    makes_video: bool = True
    """Whether it draws faces, so that it is evaluated on dubbed videos and can `generate`."""
    judge: Need | None = None
    """The model that measures lip sync in its evaluation, where weights of it are there."""


@dataclass(frozen=True, kw_only=True)
class DatasetRow:
    """A kind of dataset."""

    name: str
    description: str
    config: str
    """`DatasetConfig` or a subclass of it."""
    source: str | None = None
    """Function that makes the videos where the user has none: (config, show_progress: bool)."""
    missing: str | None = None
    """Function that names the videos still to be made: (config)."""


_EXPERT = Need(part="expert", model="SyncNet", path_key="expert_checkpoint", when="sync_weight", good_loss=0.25)

MODELS = (
    ModelRow(
        name="HyperLipsBase",
        description="hypernetwork that draws the lips from the sound (arXiv 2310.05720)",
        config="talkingface.model.audio_driven_talkingface.hyperlipsbase_config:HyperLipsBaseConfig",
        model="talkingface.model.audio_driven_talkingface.hyperlipsbase:HyperLipsBase",
        dataset="talkingface.data.dataset.hyperlipsbase_dataset:HyperLipsBaseDataset",
        trainer="talkingface.trainer.hyperlipsbase_trainer:HyperLipsBaseTrainer",
        needs=(_EXPERT,),
        judge=_EXPERT,
    ),
    ModelRow(
        name="SyncNet",
        description="lip-sync expert: tells whether face and sound belong together",
        config="talkingface.model.audio_driven_talkingface.syncnet_config:SyncNetConfig",
        model="talkingface.model.audio_driven_talkingface.syncnet:SyncNet_color",
        dataset="talkingface.data.dataset.syncnet_dataset:SyncNetDataset",
        trainer="talkingface.trainer.syncnet_trainer:SyncNetTrainer",
        makes_video=False,
    ),
)

DATASETS = (
    DatasetRow(
        name="demo",
        description="talking heads that the toolkit renders itself; needs no data",
        config="talkingface.data.demo.config:DemoConfig",
        source="talkingface.data.demo.render:render_demo",
        missing="talkingface.data.demo.render:missing_files",
    ),
)
VIDEOS = DatasetRow(
    name="videos",
    description="any folder of videos",
    config="talkingface.config.schema:DatasetConfig",
)
"""The row of every dataset that has none of its own."""


def load(target: str) -> Any:
    """Import what `module:Name` names.

    Raises:
        UserError: there is no such module or name; of interest to who wrote the row.
    """
    module, _, name = target.partition(":")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name and not module.startswith(error.name):
            raise UserError(f"{target}: needs the package {error.name!r}, which is not installed") from error
        raise UserError(f"{target}: there is no module {error.name!r}; see the model's row in the catalog") from error
    except AttributeError as error:
        raise UserError(f"{target}: {error}; see the model's row in the catalog") from error


def one_each(rows: Iterable[Any]) -> dict[str, Any]:
    """Rows by name.

    Raises:
        ValueError: two rows have one name.
    """
    table: dict[str, Any] = {}
    for row in rows:
        if row.name in table:
            raise ValueError(f"catalog: two rows are named {row.name!r}")
        table[row.name] = row
    return table


@cache
def _own_rows() -> dict[str, ModelRow]:
    return one_each(MODELS)


@cache
def _plugins() -> dict[str, EntryPoint]:
    found = one_each(entry_points(group=ENTRY_POINTS))
    for name in found.keys() & _own_rows().keys():
        raise UserError(f"{name}: a model of this name is built in; the package of {found[name].value} adds it again")
    return found


def model_names() -> list[str]:
    """Names of all models, those of other packages last."""
    return [*_own_rows(), *_plugins()]


def model_row(name: str) -> ModelRow:
    """The row of a model.

    Raises:
        UserError: no such model; the known ones are listed.
    """
    if name in _own_rows():
        return _own_rows()[name]
    if name not in _plugins():
        raise UserError(unknown("model", name, model_names()))
    row = _plugins()[name].load()
    if not isinstance(row, ModelRow) or row.name != name:
        raise UserError(f"{name}: {_plugins()[name].value} should be a ModelRow of this name, got {row!r}")
    return row


def unknown(what: str, name: str, known: list[str]) -> str:
    """Message about a name that is not in a list, with the nearest one."""
    folded = {other.lower(): other for other in known}
    near = get_close_matches(name.lower(), folded, 1)
    hint = f"did you mean {folded[near[0]]!r}? " if near else ""
    return f"unknown {what} {name!r}; {hint}Known: {', '.join(known)}"


def model_keys(row: ModelRow) -> set[str]:
    """Configuration keys of a model."""
    return set(field_types(load(row.config)))


def all_model_keys() -> set[str]:
    """Configuration keys of all models, this repository's and others'."""
    return set().union(*(model_keys(model_row(name)) for name in model_names()))
