"""Stages that train: each model of the chain, where its weights are not there already."""

from __future__ import annotations

from pathlib import Path

from talkingface import catalog
from talkingface.chain.part import Part, clips_mark, selection
from talkingface.chain.plan import Plan
from talkingface.chain.process import process_stages, with_needs
from talkingface.chain.stage import Look, Stage
from talkingface.chain.workspace import Workspace
from talkingface.config.schema import Config
from talkingface.data.dataset.filelist import list_path, read_list
from talkingface.model.checkpoint import best_checkpoint
from talkingface.model.trained import build_network
from talkingface.trainer import distributed
from talkingface.trainer.run_folder import RunFolder
from talkingface.utils.device import pick_device
from talkingface.utils.errors import CheckpointError
from talkingface.utils.seed import init_seed


def train_stages(workspace: Workspace, plan: Plan) -> list[Stage]:
    """The models that are needed and whose weights are not there, then the one asked for."""
    if plan.choice.finished:
        return [_main(workspace, plan.part)]
    stages = [stage for one in plan.first for stage in (*process_stages(workspace, one), _needed(workspace, one))]
    return [*stages, *process_stages(workspace, plan.part), _main(workspace, plan.part)]


def _needed(workspace: Workspace, part: Part) -> Stage:
    def look() -> Look:
        weights = workspace.weights(part)
        if weights.path is not None:
            return Look(False, weights.reason)
        return Look(True, f"{weights.reason}: trained first{_start(part.config)}; ends after {_end(part)}")

    return Stage(name=f"train {part.row.name}", look=look, work=lambda: train(workspace, part))


def _main(workspace: Workspace, part: Part) -> Stage:
    def look() -> Look:
        choice = workspace.choose_run(part)
        start = _start(part.config) if choice.run is None else ""
        end = "" if choice.finished else f"; ends after {_end(part)}"
        return Look(not choice.finished, choice.reason + start + end)

    return Stage(name=f"train {part.row.name}", look=look, work=lambda: train(workspace, part))


def _start(config: Config) -> str:
    given = config.model.initial_weights
    return "" if given is None else f"; starts from {given} (sha256 {str(config.model.initial_weights_sha256)[:16]}...)"


def _end(part: Part) -> str:
    """`1500 steps (properties/profile/quick/HyperLipsBase.yaml:12) or 1000 epochs`."""
    model, ends = part.config.model, []
    for key, unit in (("max_minutes", "minutes"), ("max_steps", "steps"), ("epochs", "epochs")):
        if (value := getattr(model, key)) is not None:
            place = part.resolved.origin[key]
            ends.append(f"{value:g} {unit}" + ("" if place == "default" else f" ({place})"))
    return " or ".join(ends)


def train(workspace: Workspace, part: Part) -> str:
    """Train one model to its end; returns a line about it.

    Raises:
        UserError: data, device or needed weights are not as they should be.
    """
    init_seed(part.config.run.seed)
    device = distributed.start(pick_device(part.config.run.device))
    config, networks = with_needs(workspace, part, rebuilt=True)
    row = part.row
    make_dataset = catalog.load(row.dataset)
    train_data = make_dataset(config, "train")
    valid_data = make_dataset(config, "val") if _has_list(config, "val") else None
    network = build_network(row, config)
    for need, _ in part.needs:
        if need.inside:
            network.get_submodule(need.part).load_state_dict(networks.pop(need.part).state_dict())
    run = _shared_run(workspace, part, config)
    workspace.used[row.name] = run
    trainer = catalog.load(row.trainer)(config, network, run=run, device=device, parts=networks)
    result = trainer.fit(train_data, valid_data)
    workspace.note_run(run)
    score = "" if result.best_score is None else f", validation loss {result.best_score:.4g}"
    return f"{result.steps} steps{score}: {best_checkpoint(run.path) or run.path}"


def _shared_run(workspace: Workspace, part: Part, config: Config) -> RunFolder:
    """The run to continue, or a new one; of several processes the first decides."""
    path = ""
    if distributed.rank() == 0:
        run = workspace.choose_run(part).run
        if run is None:
            run = RunFolder.create(config, fingerprint=part.identity)
            profile = part.resolved.profile
            run.update_status(clips=clips_mark(config), selection=selection(config), profile=profile)
        elif config.run.note is not None:
            run.update_status(note=config.run.note)
        path = str(run.path)
    return RunFolder(distributed.broadcast_object(path))


def _has_list(config: Config, split: str) -> bool:
    path = list_path(config.dataset.filelist_root, split)
    return path.is_file() and bool(read_list(path))


def trained_weights(workspace: Workspace, part: Part) -> Path:
    """The weights of a model: of the run that its training stage used or would use, else the newest there are.

    Raises:
        CheckpointError: there are none.
    """
    choice = workspace.choose_run(part)
    run = workspace.used.get(part.row.name) or (choice.run if choice.finished else None)
    weights = workspace.weights(part)
    path = (best_checkpoint(run.path) if run else None) or weights.path
    if path is None:
        raise CheckpointError(f"{weights.reason}; train it first, or give --checkpoint")
    return path
