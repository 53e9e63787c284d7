"""Stages that train: each model of the chain, where its weights are not there already."""

from __future__ import annotations

from pathlib import Path

from talkingface import catalog
from talkingface.chain.process import process_stages, with_needs
from talkingface.chain.stage import Look, Stage
from talkingface.chain.workspace import Part, check_same, choose_run, clips_mark, find_weights, selection
from talkingface.config.schema import Config
from talkingface.data.dataset.filelist import list_path, read_list
from talkingface.model.checkpoint import best_checkpoint
from talkingface.model.trained import build_network, load_trained, poor
from talkingface.trainer import distributed
from talkingface.trainer.run_folder import RunFolder
from talkingface.utils.device import pick_device
from talkingface.utils.errors import CheckpointError
from talkingface.utils.seed import init_seed

Runs = dict[str, RunFolder]
"""The run that each model's stage used or made, by model name."""


def train_stages(part: Part, runs: Runs) -> list[Stage]:
    """The models that `part` needs and whose weights are not there, then `part` itself.

    Args:
        part: the model asked for.
        runs: filled by the stages when they are run.
    """
    if choose_run(part).finished:
        return [_main(part, runs)]
    stages = [stage for one in missing(part) for stage in (*process_stages(one), _needed(one, runs))]
    return [*stages, *process_stages(part), _main(part, runs)]


def missing(part: Part) -> list[Part]:
    """Models to train before `part`, in order."""
    found: list[Part] = []
    for need, needed in part.needs:
        given = getattr(part.config.model, need.path_key)
        if find_weights(needed, given).path is None:
            found += [one for one in (*missing(needed), needed) if one not in found]
    return found


def packed_readers(part: Part) -> list[Part]:
    """Models that will be trained on packed faces; those with a process of their own read what that makes."""
    readers = [] if choose_run(part).finished else [*missing(part), part]
    return [one for one in readers if one.row.process is None]


def check_needs(part: Part) -> list[str]:
    """Load the weights that are there and that training will take; returns a line for each, warnings included.

    Raises:
        CheckpointError: a configured checkpoint is missing, damaged or of another model.
    """
    lines = []
    for need, needed in part.needs:
        weights = find_weights(needed, getattr(part.config.model, need.path_key))
        if weights.path is None:
            lines += check_needs(needed)
            continue
        trained = load_trained(weights.path, model=need.model)
        check_same(need, part.config, trained.config)
        lines.append(f"{need.part}: {weights.reason}")
        warning = poor(trained, need)
        lines += [warning] if warning else []
    return lines


def _needed(part: Part, runs: Runs) -> Stage:
    def look() -> Look:
        weights = find_weights(part)
        if weights.path is not None:
            return Look(False, weights.reason)
        return Look(True, f"{weights.reason}: trained first")

    return Stage(name=f"train {part.row.name}", look=look, work=lambda: train(part, runs))


def _main(part: Part, runs: Runs) -> Stage:
    def look() -> Look:
        choice = choose_run(part)
        end = "" if choice.finished else f"; ends after {_end(part.config)}"
        return Look(not choice.finished, choice.reason + end)

    return Stage(name=f"train {part.row.name}", look=look, work=lambda: train(part, runs))


def _end(config: Config) -> str:
    model = config.model
    ends = [f"{model.epochs} epochs"]
    ends += [f"{model.max_steps} steps"] if model.max_steps is not None else []
    ends += [f"{model.max_minutes:g} minutes"] if model.max_minutes is not None else []
    return " or ".join(reversed(ends))


def train(part: Part, runs: Runs) -> str:
    """Train one model to its end; returns a line about it.

    Raises:
        UserError: data, device or needed weights are not as they should be.
    """
    init_seed(part.config.run.seed)
    device = distributed.start(pick_device(part.config.run.device))
    config, networks = with_needs(part)
    row = part.row
    make_dataset = catalog.load(row.dataset)
    train_data = make_dataset(config, "train")
    valid_data = make_dataset(config, "val") if _has_list(config, "val") else None
    network = build_network(row, config)
    for need, _ in part.needs:
        if need.inside:
            network.get_submodule(need.part).load_state_dict(networks.pop(need.part).state_dict())
    run = _shared_run(part, config)
    runs[row.name] = run
    trainer = catalog.load(row.trainer)(config, network, run=run, device=device, parts=networks)
    result = trainer.fit(train_data, valid_data)
    score = "" if result.best_score is None else f", validation loss {result.best_score:.4g}"
    return f"{result.steps} steps{score}: {best_checkpoint(run.path) or run.path}"


def _shared_run(part: Part, config: Config) -> RunFolder:
    """The run to continue, or a new one; of several processes the first decides."""
    path = ""
    if distributed.rank() == 0:
        run = choose_run(part).run
        if run is None:
            run = RunFolder.create(config, fingerprint=part.fingerprint)
            profile = part.resolved.profile
            run.update_status(clips=clips_mark(config), selection=selection(config), profile=profile)
        path = str(run.path)
    return RunFolder(distributed.broadcast_object(path))


def _has_list(config: Config, split: str) -> bool:
    path = list_path(config.dataset.filelist_root, split)
    return path.is_file() and bool(read_list(path))


def trained_weights(part: Part, runs: Runs) -> Path:
    """The weights of a part, after its training stage.

    Raises:
        CheckpointError: there are none.
    """
    run = runs.get(part.row.name) or choose_run(part).run
    path = (best_checkpoint(run.path) if run else None) or find_weights(part).path
    if path is None:
        raise CheckpointError(f"{find_weights(part).reason}; train it first")
    return path
