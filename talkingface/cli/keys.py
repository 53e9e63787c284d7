"""Which configuration keys each command takes: a key that would do nothing is an error, not a silence.

Only flags are held to this. A file of `--config_files` may be shared by commands, and hold keys for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache

from talkingface import catalog
from talkingface.cli.arguments import Arguments
from talkingface.config.foreign import Fixed, Idle, Mapped
from talkingface.config.foreign_keys import FOREIGN
from talkingface.config.generating import GenerateConfig
from talkingface.config.schema import DatasetConfig, ModelConfig, RunConfig


@dataclass(frozen=True, kw_only=True)
class Taken:
    """The configuration keys of one use of a command."""

    groups: tuple[str, ...]
    """Of `GROUPS`, or `DATASET`."""
    why_not: dict[str, str] | str
    """What is said of other keys: by the part of the configuration they belong to, or of all alike."""


DATASET = "the dataset"
"""Stands for all keys of a dataset, those of the demo and of MEAD included."""
GROUPS: dict[str, tuple[str, ...]] = {
    "device": ("device", "precision", "evaluate_batch_size", "show_progress"),
    "dubbing": tuple(one.name for one in fields(GenerateConfig)),
    "the face": ("face_detector", "face_detector_weights", "crop_pads", "box_smoothing"),
    "the network": (
        "img_size", "mel_pad_mode", "base_checkpoint", "base_img_size", "detail", "inference_sketch",
        "landmark_smoothing",
    ),
    "what is measured": ("metrics", "leakage_clips", "lse_protocol", "seed"),
    "networks that measure": (
        "expert_checkpoint", "num_frames", "lse_weights", "lpips_weights", "vgg16_weights", "vgg19_weights",
    ),
    "the clips": (
        "data_root", "filelist_root", "preprocessed_root", "packed_root", "pack_format", "sync_expert",
        "correct_offset", "max_offset", "min_confidence",
    ),
    "folders": ("saved_dir", "checkpoints_dir"),
    "preparing": ("show_progress", "device"),
    "training an expert for sync_expert=bootstrap": (
        "precision", "seed", "num_workers", "saved_dir", "log_dir", "checkpoints_dir", "resume",
    ),
    "packed faces, with --model": ("img_size", "mel_pad_mode", "sync_weight", "expert_checkpoint", "base_checkpoint"),
    "two folders of videos": (
        "metrics", "sync_expert", "lse_weights", "lse_protocol", "crop_pads", "box_smoothing", "device",
        "show_progress", "checkpoints_dir", "saved_dir",
    ),
    "runs": ("saved_dir",),
}  # fmt: skip
"""Keys that are named together in the help."""
_PREPARE = (DATASET, "preparing", "training an expert for sync_expert=bootstrap")
TAKES: dict[str, Taken] = {
    "prepare": Taken(
        groups=_PREPARE,
        why_not={
            "run": "which prepares the data and no more",
            "model": "which trains nothing, and packs faces only with --model",
        },
    ),
    "prepare --model": Taken(
        groups=(*_PREPARE, "packed faces, with --model"),
        why_not={"run": "which prepares the data and no more", "model": "which trains nothing"},
    ),
    "evaluate --checkpoint": Taken(
        groups=(
            "what is measured", "networks that measure", "device", "dubbing", "the face", "the clips", "the network",
            "folders",
        ),
        why_not={
            "run": "which trains nothing",
            "dataset": "whose clips are prepared already",
            "model": "whose weights are trained already",
        },
    ),
    "evaluate --generated": Taken(
        groups=("two folders of videos",),
        why_not={
            "run": "which measures videos as they are",
            "dataset": "which needs no dataset",
            "model": "which needs no model",
        },
    ),
    "generate": Taken(
        groups=("dubbing", "device", "the face", "the network"),
        why_not={
            "run": "which dubs one video and no more",
            "dataset": "which needs no dataset",
            "model": "whose weights are trained already",
        },
    ),
    "list": Taken(groups=("runs",), why_not="which reads saved_dir and no other key"),
    "compare": Taken(groups=("runs",), why_not="which reads saved_dir and no other key"),
}  # fmt: skip
"""Use of a command -> its keys. Uses that are not named here take every key: `run`, `train`, `check`, and `evaluate` of
a model and a dataset, where the keys of the training say which run is meant."""


def use_of(word: str, arguments: Arguments) -> str:
    """The row of `TAKES` that a command line falls under, such as `evaluate --checkpoint`."""
    given = arguments.options
    if word == "evaluate" and ("generated" in given or "real" in given):
        return "evaluate --generated"
    if word in ("run", "evaluate") and "checkpoint" in given:
        return "evaluate --checkpoint"
    return "prepare --model" if word == "prepare" and "model" in given else word


def keys_of(group: str) -> tuple[str, ...]:
    """Keys of a group, in the order of the help."""
    return tuple(one.name for one in fields(DatasetConfig)) if group == DATASET else GROUPS[group]


def idle_keys(word: str, arguments: Arguments) -> list[str]:
    """A line for each flag that is a configuration key and would do nothing for this command.

    Keys that nobody here declares are left to the reading of the configuration, which knows the nearest name; they may
    also be of a model of another package, and then describe its network.
    """
    use = use_of(word, arguments)
    taken = TAKES.get(use)
    if taken is None:
        return []
    known = {key for group in taken.groups for key in keys_of(group)}
    problems = []
    for given in arguments.flags:
        name = given.rpartition(".")[2]  # SyncNet.max_steps is the expert's max_steps
        row = FOREIGN.get(name)
        if isinstance(row, Idle | Fixed) and not isinstance(taken.why_not, str):
            continue  # the reading of the configuration says what becomes of it
        key = row.ours if isinstance(row, Mapped) else name
        part = None if key in known else part_of(key)
        if key in known or (part == "dataset" and DATASET in taken.groups):
            continue
        if isinstance(taken.why_not, str):
            problems.append(f"--{given}: does nothing for {use}, {taken.why_not}")
        elif part is not None:
            problems.append(f"--{given}: does nothing for {use}, {taken.why_not[part]}")
    return problems


def part_of(key: str) -> str | None:
    """`run`, `dataset` or `model`: whose key it is; None for a key of nobody here, or of another package's model."""
    return next((part for part, keys in _parts().items() if key in keys), None)


@cache
def _parts() -> dict[str, frozenset[str]]:
    datasets = [catalog.load(catalog.dataset_row(name).config) for name in catalog.dataset_row_names()]
    models = [catalog.load(row.config) for row in catalog.MODELS]  # of others only they know what describes a network
    schemas = {"run": [RunConfig], "dataset": [DatasetConfig, *datasets], "model": [ModelConfig, *models]}
    return {part: frozenset(one.name for schema in some for one in fields(schema)) for part, some in schemas.items()}
