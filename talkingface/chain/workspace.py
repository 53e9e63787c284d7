"""What a command has found out, remembered: configurations, the runs under saved/, checkpoints and their networks.

Made once for a command and handed to every stage: each configuration is resolved once, saved/ is read once, and each
checkpoint is read once, its network included. A stage asks the workspace and derives nothing again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from talkingface import catalog
from talkingface.catalog.resolve import DatasetChoice, choose_dataset, resolve
from talkingface.chain.part import Part, check_named, check_same, clips_mark, selection
from talkingface.config.loader import Overrides, Resolved
from talkingface.config.plain import read_config
from talkingface.config.schema import Config
from talkingface.model.checkpoint import best_checkpoint, checkpoint_file
from talkingface.model.initial import with_hashes
from talkingface.model.trained import Trained, load_trained
from talkingface.trainer.history import changes_result
from talkingface.trainer.progress import extends
from talkingface.trainer.run_folder import RunFolder, SavedRuns
from talkingface.utils.errors import UserError

LOGGER = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Run:
    """A folder of saved/, as it was read."""

    folder: RunFolder
    status: Mapping[str, Any]

    @cached_property
    def config(self) -> dict[str, Any] | None:
        """The configuration beside it as plain data; None where it is damaged, which is told once."""
        try:
            return read_config(self.folder.config_file)
        except UserError as error:
            LOGGER.warning("passed over: %s", error)
            return None

    @property
    def finished(self) -> bool:
        """Whether it was trained to its end and has weights."""
        return bool(self.status.get("finished")) and best_checkpoint(self.folder.path) is not None


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Trained weights that were found, or the reason why there are none."""

    path: Path | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class RunChoice:
    """Whether a training starts, goes on, or is not needed."""

    run: RunFolder | None
    """The run to continue or to use; None starts a new one."""
    finished: bool
    reason: str


@dataclass(kw_only=True)
class _Read:
    """What has been read from disk so far."""

    runs: dict[str, dict[Path, Run]] = field(default_factory=dict)
    """By saved_dir, then by folder."""
    networks: dict[tuple[Path, str | None, bool], Trained] = field(default_factory=dict)


class Workspace:
    """The memory of one command on one dataset.

    Args:
        dataset: what `--dataset` stands for.
        overrides: the user's layers of configuration.
        beside: a workspace of the same command whose memory of the disk is shared.
    """

    def __init__(self, dataset: DatasetChoice, overrides: Overrides, *, beside: Workspace | None = None) -> None:
        self.dataset, self.overrides = dataset, overrides
        self.used: dict[str, RunFolder] = {}
        """The run that each model's training stage used or made, by model name."""
        self.chosen: dict[str, RunChoice] = {}
        """Runs that the user has named, by model name."""
        self._read: _Read = beside._read if beside else _Read()
        self._resolved: dict[tuple[str | None, bool], Resolved] = {}
        self._parts: dict[tuple[str, bool], Part] = {}

    @classmethod
    def of(cls, dataset: str, overrides: Overrides) -> Workspace:
        """A workspace for a dataset as the user named it.

        Raises:
            UserError: no such dataset or folder.
        """
        return cls(choose_dataset(dataset, overrides), overrides)

    # Configurations

    def resolved(self, model: str | None, *, asked_for: bool = True) -> Resolved:
        """A model's configuration on the dataset; without a model, what all models share.

        Raises:
            UserError: all that is wrong with it.
        """
        key = (model, asked_for)
        if key not in self._resolved:
            self._resolved[key] = resolve(model, self.dataset, self.overrides, asked_for=asked_for)
        return self._resolved[key]

    def part(self, model: str, *, asked_for: bool = True) -> Part:
        """A model with its configuration and all that its recipe needs.

        Raises:
            UserError: all that is wrong with a configuration.
        """
        key = (model, asked_for)
        if key not in self._parts:
            row, resolved = catalog.model_row(model), self.resolved(model, asked_for=asked_for)
            resolved = replace(resolved, config=with_hashes(resolved.config))
            active = [need for need in row.needs if need.when is None or getattr(resolved.config.model, need.when)]
            needs = tuple((need, self.part(need.model, asked_for=False)) for need in active)
            part = Part(row=row, resolved=resolved, needs=needs)
            for need, needed in needs:
                if part.given(need) is None:
                    check_same(need, resolved.config, needed.config)
            if asked_for:
                check_named(part, self.overrides)
            self._parts[key] = part
        return self._parts[key]

    # Runs and weights

    def runs(self, config: Config) -> list[Run]:
        """Runs of the configuration's model and dataset, newest first."""
        every = self._runs_under(config.run.saved_dir).values()
        found = [
            run
            for run in every
            if (run.status.get("model"), run.status.get("dataset")) == (config.model_name, config.dataset_name)
        ]
        return sorted(found, key=lambda run: (str(run.status.get("created", "")), run.folder.name), reverse=True)

    def note_run(self, folder: RunFolder) -> None:
        """Read a run again after it was made or trained on; networks of its checkpoints are forgotten."""
        self._runs_under(str(folder.path.parent))[folder.path] = Run(folder=folder, status=folder.status())
        for key in [key for key in self._read.networks if key[0].is_relative_to(folder.path)]:
            del self._read.networks[key]

    def weights(self, part: Part, given: str | None = None) -> Weights:
        """Weights to use for a model: those given, else of the newest finished run, else a file in checkpoints/.

        Raises:
            CheckpointError: a path is given and nothing is there.
        """
        if given is not None:
            return Weights(path=checkpoint_file(given), reason=f"{given}, as configured")
        config = part.config
        for run in self.runs(config):
            if not run.status.get("finished") or run.status.get("selection", {}) != selection(config):
                continue  # trained on other clips of this dataset, such as all of them before they were filtered
            if not part.has_own_values(run.config, run.status):
                continue
            if (path := best_checkpoint(run.folder.path)) is not None:
                return Weights(path=path, reason=f"{path}, of the newest finished run")
        folder = Path(config.run.checkpoints_dir)
        names = (f"{config.model_name}-{config.dataset_name}.pth", f"{config.model_name}.pth")
        for path in (folder / name for name in names):
            if path.is_file() and not part.resolved.own:
                return Weights(path=path, reason=f"{path}")
        return Weights(
            path=None,
            reason=f"no finished run of {config.model_name} on {config.dataset_name} in {config.run.saved_dir}/"
            + (part.own_text or f", no {' or '.join(names)} in {folder}/"),
        )

    def choose_run(self, part: Part) -> RunChoice:
        """The newest run with the same configuration on the same clips: used if it finished, else continued.

        One that finished is continued too where its end lies later now.
        """
        config = part.config
        if (chosen := self.chosen.get(part.row.name)) is not None:
            return chosen
        if config.run.resume == "never":
            return RunChoice(run=None, finished=False, reason="new run, as resume=never asks")
        runs = [run for run in self.runs(config) if run.config is not None and not changes_result(run.status)]
        equal = [run for run in runs if part.continues(run.config or {})]
        found = [run for run in equal if run.status.get("clips") in (None, clips_mark(config))]
        if (name := config.run.run_name) is not None:
            found.sort(key=lambda run: run.status.get("run_name") != name)  # stable: the newest of the name is first
        if not found:
            changed = f"the clips have changed since {equal[0].folder.path}" if equal else ""
            reason = f"new run; {changed or 'none with this configuration was found'}"
            return RunChoice(run=None, finished=False, reason=reason)
        run = found[0]
        if run.finished and extends(config.model, run.status):
            reason = f"continue {run.folder.path}, which ended by {run.status['ended_by']}: its end lies later now"
            return RunChoice(run=run.folder, finished=False, reason=reason)
        if run.finished:
            reason = f"{run.folder.path} has finished with this configuration"
            return RunChoice(run=run.folder, finished=True, reason=reason)
        return RunChoice(run=run.folder, finished=False, reason=f"continue {run.folder.path}, which was cut short")

    def trained(self, path: Path, *, model: str | None = None, on_dataset: bool = False) -> Trained:
        """The network of a checkpoint with its weights, read once.

        Args:
            path: a checkpoint file.
            model: the model it should be of; needed for checkpoints of original projects.
            on_dataset: to be used on this command's dataset with the user's layers above the checkpoint's values, not
                on the data and with the values that it was trained with.

        Raises:
            CheckpointError: missing, damaged or of another model.
        """
        key = (path, model, on_dataset)
        if key not in self._read.networks:
            ours = {"dataset": self.dataset, "overrides": self.overrides} if on_dataset else {}
            self._read.networks[key] = load_trained(path, model=model, **ours)  # type: ignore[arg-type]
        return self._read.networks[key]

    def _runs_under(self, saved_dir: str) -> dict[Path, Run]:
        if saved_dir not in self._read.runs:
            saved = SavedRuns.read(saved_dir)
            for problem in saved.problems:
                LOGGER.warning(problem)
            found = {folder.path: Run(folder=folder, status=status) for folder, status in saved.statuses}
            self._read.runs[saved_dir] = found
        return self._read.runs[saved_dir]
