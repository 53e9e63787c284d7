"""Checkpoints: plain data in one file, written whole or not at all, loaded strictly.

{"format": "talkingface", "version": 1, "model_name": str, "config": {...}, "metrics": {...},
 "state_dict": the network's weights,            # where other projects' programs look for them, too
 "parts": {name: state_dict of everything else that training has, optimizers included; with weights to draw with
           that are not those to go on with, such as an average, also "model", those to go on with},
 "progress": {...}, "rng": {...}}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from talkingface.model.fitting import load_strictly
from talkingface.utils.errors import CheckpointError, DamagedError
from talkingface.utils.files import atomic_path, disk_errors
from talkingface.utils.seed import rng_state
from talkingface.utils.torch_file import check_torch_file, not_finite, read_torch_file

FORMAT = "talkingface"
VERSION = 1
CHECKPOINTS, BEST, LAST = "checkpoints", "best.pth", "last.pth"
"""In a run's folder: where its checkpoints are, and the names of the two that every run has."""


class ForeignCheckpointError(CheckpointError):
    """Weights of another program: usable, but they do not say of which model they are."""


class Stateful(Protocol):
    """Anything with a state to save: a module, an optimizer."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class CheckpointHeader:
    """What a checkpoint says about itself."""

    model_name: str
    """Row of the model catalog."""
    config: dict[str, Any]
    """The configuration as plain data: `model_name`, `dataset_name`, `run`, `dataset`, `model`."""
    step: int
    """Optimizer steps done."""
    metrics: dict[str, float]
    """Values of the last validation before it was saved."""


def best_checkpoint(run: Path) -> Path | None:
    """The best checkpoint in a run's folder, else the last, else None."""
    return next((path for name in (BEST, LAST) if (path := run / CHECKPOINTS / name).is_file()), None)


def checkpoint_file(given: str | Path) -> Path:
    """A checkpoint given as a file or as a run's folder.

    Raises:
        CheckpointError: there is none.
    """
    path = Path(given)
    if path.is_file():
        return path
    if not path.is_dir():
        raise CheckpointError(f"{given}: no such checkpoint; wanted a .pth file or a run's folder")
    best = best_checkpoint(path) or best_checkpoint(path.parent)
    if best is None:
        raise CheckpointError(f"{given}: no checkpoint in this folder; a run's are checkpoints/best.pth and last.pth")
    return best


def save_checkpoint(
    path: Path,
    *,
    state: Mapping[str, Stateful],
    model_name: str,
    config: Mapping[str, Any],
    progress: Mapping[str, Any],
    drawing_weights: Mapping[str, Tensor] | None = None,
) -> None:
    """Write everything that continuing needs to `path`, atomically.

    Args:
        path: the file; what stood there stays whole if anything fails.
        state: every part of the training by name; `model` is the network.
        model_name: row of the model catalog.
        config: the configuration as plain data.
        progress: `Progress.to_plain()`.
        drawing_weights: weights to draw with, where those are not the network's own, which are then a part beside them.

    Raises:
        CheckpointError: weights are not finite; saving them would overwrite good ones.
        DiskError: the disk is full, or cannot be written to.
    """
    parts = {name: part.state_dict() for name, part in state.items()}
    weights = parts.pop("model") if drawing_weights is None else dict(drawing_weights)
    for name, values in {"the weights": weights, **parts}.items():
        if (key := not_finite(values)) is not None:
            raise CheckpointError(f"{path.name}: not saved, {key} of {name} holds values that are not finite")
    contents = {
        "format": FORMAT,
        "version": VERSION,
        "model_name": model_name,
        "config": dict(config),
        "metrics": dict(progress["metrics"]),
        "state_dict": weights,
        "parts": parts,
        "progress": dict(progress),
        "rng": rng_state(),
    }
    with disk_errors(path), atomic_path(path) as temporary, temporary.open("wb") as file:
        torch.save(contents, file)  # torch's own files do not say why they could not be written


def read_training(path: Path) -> dict[str, Any]:
    """All that a checkpoint of ours holds, every value of it looked at.

    Raises:
        DamagedError: damaged, or not finite.
        CheckpointError: missing, or of another project or version.
    """
    contents = _read(path)
    if contents.get("format") != FORMAT:
        raise CheckpointError(f"{path}: holds weights but no training state; give it as weights, not to resume")
    if (key := not_finite({"model": contents["state_dict"]}) or not_finite(contents["parts"])) is not None:
        raise DamagedError(f"{path}: damaged, {key} holds values that are not finite")
    return contents


def restore(contents: Mapping[str, Any], state: Mapping[str, Stateful], *, origin: Path) -> None:
    """Load what `read_training` gave into every part of `state`.

    The random state is not set: call `set_rng_state(contents["rng"])` when all is ready.

    Raises:
        CheckpointError: of another network or with other parts.
    """
    parts = {"model": contents["state_dict"], **contents["parts"]}  # a part `model` is what to go on with
    if sorted(parts) != sorted(state):
        raise CheckpointError(f"{origin}: has the parts {sorted(parts)}, wanted {sorted(state)}; of another recipe?")
    for name, part in state.items():
        if isinstance(part, nn.Module):
            load_strictly(part, parts[name], origin=f"{origin} ({name})", made_for=str(contents["model_name"]))
        else:
            part.load_state_dict(parts[name])


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A checkpoint file's header and network weights, read once.

    Weights stay in the file, mapped, until they are loaded into a network; optimizers are never read. Let go of it
    soon: Windows cannot replace a mapped file.
    """

    path: Path
    header: CheckpointHeader | None
    """None for a checkpoint of another project."""
    weights: Mapping[str, Tensor]

    @classmethod
    def read(cls, path: str | Path, *, part: str = "model") -> Checkpoint:
        """Read a checkpoint of ours, or `{"state_dict": ...}`, or bare weights.

        Args:
            path: the file.
            part: the network of a checkpoint of ours whose weights are wanted, such as `discriminator`.

        Raises:
            CheckpointError: missing, damaged, or without network weights.
        """
        contents = _read(Path(path), mapped=True)
        weights = contents.get("state_dict", contents)
        if part != "model" and contents.get("format") == FORMAT:
            if part not in contents["parts"]:
                raise CheckpointError(f"{path}: has no {part}; trained by {contents['model_name']} without one")
            weights = contents["parts"][part]
        if not isinstance(weights, Mapping) or not all(isinstance(value, Tensor) for value in weights.values()):
            raise CheckpointError(f"{path}: no network weights inside; wanted a dict of tensors under 'state_dict'")
        header = _header(contents) if contents.get("format") == FORMAT else None
        return cls(path=Path(path), header=header, weights=weights)

    def check_values(self) -> None:
        """Raise CheckpointError where the file is damaged or a weight is not finite."""
        check_torch_file(self.path)
        if (key := not_finite(self.weights)) is not None:
            raise CheckpointError(f"{self.path}: {key} holds values that are not finite; take another checkpoint")

    def load_into(self, model: nn.Module) -> None:
        """Load the weights, strictly, with or without `module.` before their names.

        Raises:
            OtherNetworkError: of another network; names what differs.
            CheckpointError: the file is damaged, or a weight is not finite: what is computed with it is not either.
        """
        self.check_values()
        made_for = self.header.model_name if self.header else "another program"
        load_strictly(model, self.weights, origin=str(self.path), made_for=made_for)


def _header(contents: Mapping[str, Any]) -> CheckpointHeader:
    step, metrics = contents["progress"]["step"], contents["metrics"]
    return CheckpointHeader(model_name=contents["model_name"], config=contents["config"], step=step, metrics=metrics)


def _read(path: Path, *, mapped: bool = False) -> dict[str, Any]:
    contents = read_torch_file(path, mapped=mapped)
    if not isinstance(contents, dict):
        raise CheckpointError(f"{path}: holds a {type(contents).__name__}, wanted a dict with 'state_dict'")
    if contents.get("format") == FORMAT and contents.get("version") != VERSION:
        raise CheckpointError(f"{path}: format version {contents.get('version')}, this program reads {VERSION}")
    return contents
