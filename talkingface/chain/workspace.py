"""What a command works with: each model of the chain with its configuration, and where its weights come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkingface import catalog
from talkingface.catalog.resolve import DatasetChoice, resolve
from talkingface.catalog.rows import ModelRow, Need
from talkingface.config.identity import fingerprint
from talkingface.config.loader import Overrides, Resolved
from talkingface.config.schema import Config, ConfigError
from talkingface.data.dataset.filelist import read_lists
from talkingface.model.checkpoint import best_checkpoint, checkpoint_file
from talkingface.trainer.run_folder import RunFolder, find_runs


@dataclass(frozen=True, kw_only=True)
class Part:
    """One model of a chain."""

    row: ModelRow
    resolved: Resolved
    needs: tuple[tuple[Need, Part], ...] = ()
    """Models whose weights its training takes."""

    @property
    def config(self) -> Config:
        return self.resolved.config

    @property
    def fingerprint(self) -> str:
        """What two runs must share for one to continue the other."""
        return fingerprint(self.config)

    def chain(self) -> Iterator[Part]:
        """Everything that is needed, each once and before what needs it; this part comes last."""
        seen: set[str] = set()
        for _, part in self.needs:
            for each in part.chain():
                if each.row.name not in seen:
                    seen.add(each.row.name)
                    yield each
        yield self


def make_part(model: str, dataset: DatasetChoice, overrides: Overrides, *, asked_for: bool = True) -> Part:
    """A model with its configuration and all that its recipe needs.

    Raises:
        UserError: all that is wrong with a configuration.
    """
    row = catalog.model_row(model)
    resolved = resolve(model, dataset, overrides, asked_for=asked_for)
    active = [need for need in row.needs if need.when is None or getattr(resolved.config.model, need.when)]
    needs = tuple((need, make_part(need.model, dataset, overrides, asked_for=False)) for need in active)
    for need, needed in needs:
        if getattr(resolved.config.model, need.path_key) is None:
            check_same(need, resolved.config, needed.config)
    return Part(row=row, resolved=resolved, needs=needs)


def check_same(need: Need, config: Config, needed: Config) -> None:
    """Refuse a model and what it needs where they differ in what must be alike.

    Raises:
        ConfigError: names the first such key and both values.
    """
    for key in need.same:
        own, other = getattr(config.model, key), getattr(needed.model, key)
        if own != other:
            raise ConfigError(
                f"{key}: {config.model_name} has {own}, its {need.part} {needed.model_name} has {other}; set both alike"
            )


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Trained weights that were found, or the reason why there are none."""

    path: Path | None
    reason: str
    run: RunFolder | None = None
    """The run they are of, where they are of one."""


def find_weights(part: Part, given: str | None = None) -> Weights:
    """Weights to use for a model: those given, else of the newest finished run, else a file in checkpoints/.

    Raises:
        CheckpointError: a path is given and nothing is there.
    """
    if given is not None:
        return Weights(path=checkpoint_file(given), reason=f"{given}, as configured")
    config = part.config
    for run in find_runs(config.run.saved_dir, config.model_name, config.dataset_name, finished=True):
        if run.status().get("selection", {}) != selection(config):
            continue  # trained on other clips of this dataset, such as all of them before they were filtered
        if (path := best_checkpoint(run.path)) is not None:
            return Weights(path=path, reason=f"{path}, of the newest finished run", run=run)
    folder = Path(config.run.checkpoints_dir)
    names = (f"{config.model_name}-{config.dataset_name}.pth", f"{config.model_name}.pth")
    for path in (folder / name for name in names):
        if path.is_file():
            return Weights(path=path, reason=f"{path}")
    return Weights(
        path=None,
        reason=f"no finished run of {config.model_name} on {config.dataset_name} in {config.run.saved_dir}/, "
        f"no {' or '.join(names)} in {folder}/",
    )


@dataclass(frozen=True, kw_only=True)
class RunChoice:
    """Whether a training starts, goes on, or is not needed."""

    run: RunFolder | None
    """The run to continue or to use; None starts a new one."""
    finished: bool
    reason: str


def choose_run(part: Part) -> RunChoice:
    """The newest run with the same configuration on the same clips: used if it finished, else continued."""
    config = part.config
    if config.run.resume == "never":
        return RunChoice(run=None, finished=False, reason="new run, as resume=never asks")
    equal = find_runs(config.run.saved_dir, config.model_name, config.dataset_name, fingerprint=part.fingerprint)
    found = [run for run in equal if run.status().get("clips") in (None, clips_mark(config))]
    if not found:
        why = f"the clips have changed since {equal[0].path}" if equal else "none with this configuration was found"
        return RunChoice(run=None, finished=False, reason=f"new run; {why}")
    run, status = found[0], found[0].status()
    if status.get("finished") and best_checkpoint(run.path) is not None:
        return RunChoice(run=run, finished=True, reason=f"{run.path} has finished with this configuration")
    return RunChoice(run=run, finished=False, reason=f"continue {run.path}, which was cut short")


def selection(config: Config) -> dict[str, Any]:
    """How clips are chosen and corrected by their sync; empty where they are taken as they are."""
    data = config.dataset
    if not data.uses_sync:
        return {}
    return {key: getattr(data, key) for key in ("correct_offset", "max_offset", "min_confidence")}


def clips_mark(config: Config) -> str:
    """Changes when a clip is added to the lists of training or validation, or taken off."""
    lists = read_lists(config.dataset.filelist_root)
    return hashlib.sha256(json.dumps([lists.get("train"), lists.get("val")]).encode()).hexdigest()[:12]
