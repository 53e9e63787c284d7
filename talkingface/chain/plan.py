"""Before any work: what a command has to train, decided once, and everything that can be found wrong."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from talkingface import catalog
from talkingface.catalog.rows import Need
from talkingface.chain.part import Part, check_same
from talkingface.chain.prepare import check_data
from talkingface.chain.workspace import RunChoice, Weights, Workspace
from talkingface.config.plain import as_text
from talkingface.config.schema import RunConfig
from talkingface.model.trained import Trained, build_network
from talkingface.trainer.loggers.logger import check_loggers
from talkingface.trainer.starting import check_start
from talkingface.utils.device import pick_device
from talkingface.utils.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A model asked for, and what its training takes. Stages look again when their turn comes."""

    part: Part
    choice: RunChoice
    """Whether the model's training starts, goes on, or is not needed."""
    first: tuple[Part, ...] = ()
    """Models to train before it, in order."""
    found: tuple[tuple[Need, Part, Weights], ...] = ()
    """What it or a model before it needs and whose weights are there: the need, the model that has it, the weights."""

    @property
    def trainings(self) -> tuple[Part, ...]:
        """All models to train, in order; none where the run asked for has finished."""
        return () if self.choice.finished else (*self.first, self.part)

    @property
    def readers(self) -> list[Part]:
        """Models that will be trained on packed faces; those with a process of their own read what that makes."""
        return [one for one in self.trainings if one.row.process is None]


def make_plan(workspace: Workspace, part: Part) -> Plan:
    """Decide it from what there is now.

    Raises:
        CheckpointError: a configured checkpoint is missing.
    """
    choice = workspace.choose_run(part)
    if choice.finished:
        return Plan(part=part, choice=choice)
    first: dict[str, Part] = {}
    found: list[tuple[Need, Part, Weights]] = []

    def visit(one: Part) -> None:
        for need, needed in one.needs:
            weights = workspace.weights(needed, one.given(need))
            if weights.path is not None:
                found.append((need, one, weights))
                continue
            visit(needed)
            first.setdefault(needed.row.name, needed)

    visit(part)
    return Plan(part=part, choice=choice, first=tuple(first.values()), found=tuple(found))


def check(workspace: Workspace, plan: Plan) -> list[str]:
    """Look, before work starts, at device, folders, data and needed weights; a line for each, warnings included.

    Raises:
        UserError: the first thing that is wrong.
    """
    part, config = plan.part, plan.part.config
    lines = [f"configuration: {part.row.name} on {config.dataset_name}, profile {part.resolved.profile or 'none'}"]
    for one in plan.trainings:
        lines += profile_lines(one)
    lines.append(check_run(config.run))
    for folder in (config.run.saved_dir, config.run.log_dir, config.dataset.packed_root):
        _check_writable(Path(folder))
    lines.append(f"data: {check_data(workspace.dataset.row, config.dataset)}")
    for need, owner, weights in plan.found:
        trained = workspace.trained(weights.path, model=need.model) if weights.path is not None else None
        assert trained is not None
        check_same(need, owner.config, trained.config)
        lines.append(f"{need.part}: {weights.reason}")
        lines += [warning] if (warning := warn_if_poor(trained, need)) else []
    if plan.trainings:
        check_loggers(config.run.logger)
    for one in plan.trainings:
        trainer = catalog.load(one.row.trainer)
        trainer.check(one.config)
        if not one.config.model.starts_afresh and workspace.choose_run(one).run is None:
            with torch.random.fork_rng(devices=[]):
                network = build_network(one.row, one.config)
                lines += check_start(one.config, network, trainer.new_parts(one.config.model))
    return lines


def profile_lines(part: Part) -> list[str]:
    """What the profile sets to another value than the model's, the dataset's or the user's file, a line for each file.

    Keys that the command line or `--config_files` give again are not among them.
    """
    found: dict[str, list[str]] = {}
    for key, entry, other in part.resolved.overridden:
        file = other.where.rpartition(":")[0]
        found.setdefault(file, []).append(f"{key} {as_text(entry.value)} ({as_text(other.value)} there)")
    name = f"profile {part.resolved.profile}"
    return [f"{part.row.name}: {name} over {file}: {', '.join(values)}" for file, values in found.items()]


def check_run(config: RunConfig) -> str:
    """Look at what an evaluation needs of the run's keys, device and metrics; returns a line about the device.

    Raises:
        UserError: the device is not there, or there is no such metric.
    """
    if config.metrics is not None:
        from talkingface.evaluator.metrics.registry import make_metrics

        make_metrics(config.metrics)
    return f"device: {pick_device(config.device)}, precision {config.precision}"


def _check_writable(folder: Path) -> None:
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not there.is_dir():
        raise UserError(f"{folder}: {there} is a file, wanted a folder to write into")
    if not os.access(there, os.W_OK):
        raise UserError(f"{folder}: {there} cannot be written to")


def warn_if_poor(trained: Trained, need: Need) -> str | None:
    """A line of warning where needed weights are worse than they should be, as far as the checkpoint tells."""
    loss = trained.header.metrics.get("loss") if trained.header else None
    if loss is None or need.good_loss is None or loss <= need.good_loss:
        return None
    return (
        f"warning: {need.part} {trained.path} has a validation loss of {loss:.3f}; it is worth training by up to "
        f"{need.good_loss:g}. Train it longer (--model={need.model}), or expect little of it"
    )
