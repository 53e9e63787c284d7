"""Every model and every kind of dataset, one row each. Classes are named as text and imported when needed.

A package outside this repository adds a model by an entry point of the group `talkingface.models`: its name is the
model's name, its value a `ModelRow`.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from talkingface.config.typed import field_types
from talkingface.quick_start.rows import DatasetRow, ModelRow, Need
from talkingface.utils.errors import UserError

ENTRY_POINTS = "talkingface.models"


_TWO_EXPERTS = (
    "HyperLips's sync expert (SyncNet, lower halves of 64x128 px) and Wav2Lip's (SyncNetWav2Lip, 48x96 px) are "
    "different networks; their checkpoints do not interchange"
)


def _expert(model: str) -> Need:
    return Need(
        part="expert",
        model=model,
        path_key="expert_checkpoint",
        when="sync_weight",
        good_loss=0.25,
        same=("num_frames",),
    )


def _wav2lip(name: str, description: str, config: str) -> ModelRow:
    return ModelRow(
        name=name,
        description=description,
        config=f"talkingface.model.audio_driven_talkingface.wav2lip_config:{config}",
        model="talkingface.model.audio_driven_talkingface.wav2lip:Wav2Lip",
        dataset="talkingface.data.dataset.wav2lip_dataset:Wav2LipDataset",
        trainer="talkingface.trainer.wav2lip_trainer:Wav2LipTrainer",
        needs=(_expert("SyncNetWav2Lip"),),
        judge=_expert("SyncNetWav2Lip"),
    )


def _syncnet(name: str, description: str, config: str, model: str) -> ModelRow:
    return ModelRow(
        name=name,
        description=description,
        config=f"talkingface.model.audio_driven_talkingface.syncnet_config:{config}",
        model=f"talkingface.model.audio_driven_talkingface.{model}",
        dataset="talkingface.data.dataset.syncnet_dataset:SyncNetDataset",
        trainer="talkingface.trainer.syncnet_trainer:SyncNetTrainer",
        makes_video=False,
        examine="talkingface.evaluator.expert:examine",
        not_to_confuse=_TWO_EXPERTS,
    )


MODELS = (
    ModelRow(
        name="HyperLipsBase",
        description="hypernetwork that draws the lips from the sound (arXiv 2310.05720)",
        config="talkingface.model.audio_driven_talkingface.hyperlipsbase_config:HyperLipsBaseConfig",
        model="talkingface.model.audio_driven_talkingface.hyperlipsbase:HyperLipsBase",
        dataset="talkingface.data.dataset.hyperlipsbase_dataset:HyperLipsBaseDataset",
        trainer="talkingface.trainer.hyperlipsbase_trainer:HyperLipsBaseTrainer",
        needs=(_expert("SyncNet"),),
        judge=_expert("SyncNet"),
    ),
    ModelRow(
        name="HyperLipsHR",
        description="HyperLipsBase and a decoder that draws its faces sharp, at 128, 256 or 512 px (arXiv 2310.05720)",
        config="talkingface.model.audio_driven_talkingface.hyperlipshr_config:HyperLipsHRConfig",
        model="talkingface.model.audio_driven_talkingface.hyperlipshr:HyperLipsHR",
        dataset="talkingface.data.dataset.hyperlipshr_dataset:HyperLipsHRDataset",
        trainer="talkingface.trainer.hyperlipshr_trainer:HyperLipsHRTrainer",
        process="talkingface.data.dataprocess.hyperlipshr_process:HyperLipsHRProcess",
        needs=(
            Need(
                part="base",
                model="HyperLipsBase",
                path_key="base_checkpoint",
                inside=True,
                takes=(("base_img_size", "img_size"), ("mel_pad_mode", "mel_pad_mode")),
            ),
        ),
        foreign_part="decoder",
        judge=Need(part="expert", model="SyncNet", path_key="expert_checkpoint"),
    ),
    _wav2lip("Wav2Lip", "encoders of face and sound, one decoder (arXiv 2008.10010)", "Wav2LipConfig"),
    _wav2lip("Wav2LipGAN", "Wav2Lip with a discriminator of visual quality", "Wav2LipGANConfig"),
    _syncnet(
        "SyncNet", "lip-sync expert of HyperLips, 64x128 px lower halves", "SyncNetConfig", "syncnet:SyncNet_color"
    ),
    _syncnet(
        "SyncNetWav2Lip",
        "lip-sync expert of Wav2Lip, 48x96 px lower halves",
        "SyncNetWav2LipConfig",
        "syncnet_wav2lip:SyncNetWav2Lip",
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
    DatasetRow(
        name="MEAD",
        description="MEAD's talking faces, as distributed or flat; views and emotions by choice",
        config="talkingface.data.dataprocess.mead:MeadConfig",
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
