"""`--resume=RUN`: a run goes on with its own configuration and the places, cadence, rate or loss weights given now.

What changes the network, the data or their order would make another training, and is refused: such a one can start from
the run's weights instead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from talkingface import catalog
from talkingface.catalog.resolve import DatasetChoice, choose_dataset
from talkingface.chain.part import Part, clips_mark
from talkingface.chain.workspace import RunChoice, Workspace
from talkingface.config.foreign_keys import ALIASES
from talkingface.config.kinds import changes_on_the_way
from talkingface.config.loader import Overrides
from talkingface.config.plain import read_config
from talkingface.config.running import RESUME
from talkingface.model.checkpoint import best_checkpoint
from talkingface.trainer.progress import extends
from talkingface.trainer.run_folder import RunFolder, SavedRuns
from talkingface.utils.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Resumed:
    """A run that is to go on, and the layers under which it does."""

    run: RunFolder
    model: str
    dataset: DatasetChoice
    overrides: Overrides


def resumed(overrides: Overrides, model: str | None, dataset: str | None) -> Resumed | None:
    """The run that the key `resume` names; None where it names none.

    Args:
        overrides: the user's layers.
        model: need not be given; if it is, the run's.
        dataset: likewise.

    Raises:
        UserError: there is no such run, or it is of another model or dataset.
    """
    flags = {ALIASES.get(key, key): value for key, value in overrides.flags.items()}
    name = str(flags.pop("resume", "auto"))
    if name in RESUME:
        return None
    run = _find(name, str(flags.pop("saved_dir", "saved")))
    stored = read_config(run.config_file)
    row, choice = catalog.model_row(stored["model_name"]), _dataset(stored["dataset_name"], dataset)
    given = {"model": model and catalog.model_row(model).name, "dataset": dataset and choice.name}
    for what, own in (("model", row.name), ("dataset", stored["dataset_name"])):
        if given[what] not in (None, own):
            raise UserError(f"resume: {run.path} is of {own}, not of {given[what]}; leave --{what} out")
    if overrides.profile is not None:
        raise UserError("profile: not with --resume=RUN, which goes on with the run's own configuration")
    place = str(run.config_file)
    layers = replace(
        overrides,
        flags=flags | {"saved_dir": str(run.path.parent), "resume": "auto"},
        going_on={**stored["run"], **stored["dataset"]},
        going_on_from=place,
        stored=stored["model"],
        stored_from=place,
        profile=run.status().get("profile") or "none",
    )
    return Resumed(run=run, model=row.name, dataset=choice, overrides=layers)


def resumed_workspace(found: Resumed) -> tuple[Workspace, Part]:
    """A workspace in which the model's training is that run's.

    Raises:
        UserError: what is given now does not fit the run.
    """
    workspace = Workspace(found.dataset, found.overrides)
    part = workspace.part(found.model)
    workspace.chosen[found.model] = _choice(found.run, part)
    return workspace, part


def _choice(run: RunFolder, part: Part) -> RunChoice:
    config, status = part.config, run.status()
    stored = read_config(run.config_file)
    changes = part.differences(stored)
    _refuse(run, part, changes)
    if status.get("clips") not in (None, clips_mark(config)):
        raise UserError(
            f"resume: the clips in {config.dataset.filelist_root}/train.txt or val.txt have changed since {run.path}; "
            f"train on them anew, from its weights: --initial_weights={run.path}"
        )
    if status.get("finished") and best_checkpoint(run.path) is not None and not extends(config.model, status):
        if changes:
            raise UserError(
                f"resume: {run.path} has ended by {status.get('ended_by')} after {status.get('steps')} steps; to go on "
                f"with another {', '.join(changes)} give a later end too, such as --max_steps"
            )
        reason = f"{run.path} has finished; a larger {status.get('ended_by') or 'max_steps'} lets it go on"
        return RunChoice(run=run, finished=True, reason=reason)
    told = ", ".join(f"{key} {was} -> {now}" for key, (was, now) in changes.items())
    reason = f"continue {run.path}, as resume asks" + (f", with {told}" if told else "")
    return RunChoice(run=run, finished=False, reason=reason)


def _refuse(run: RunFolder, part: Part, changes: dict[str, tuple[Any, Any]]) -> None:
    """Raise where a change would make another training."""
    model = part.config.model
    allowed = changes_on_the_way(type(model))
    trainer = catalog.load(part.row.trainer)
    before = replace(model, **{key: was for key, (was, _) in changes.items() if key in allowed})
    lines = [
        f"resume: {key} is {was} in {run.path}, now {now}: that is another training"
        for key, (was, now) in changes.items()
        if key not in allowed
    ]
    if not lines and (parts := trainer.new_parts(before).keys() ^ trainer.new_parts(model).keys()):
        named = ", ".join(f"{key} {was} -> {now}" for key, (was, now) in changes.items())
        lines = [f"resume: {run.path} with {named} would have another {' and '.join(parts)}: that is another training"]
    if lines:
        raise UserError(
            "\n".join(f"{line}; it can start from this run's weights: --initial_weights={run.path}" for line in lines)
        )


def _find(name: str, saved_dir: str) -> RunFolder:
    for path in (Path(name).expanduser(), Path(saved_dir).expanduser() / name):
        if (path / "config.yaml").is_file() and (path / "status.json").is_file():
            return RunFolder(path)
    known = [run.name for run in SavedRuns.read(saved_dir).matching()][:8]
    raise UserError(
        f"resume: wanted {', '.join(RESUME)}, or a run to go on with; {name} is none, neither a folder nor in "
        f"{saved_dir}/, where there are: {', '.join(known) or 'none'}"
    )


def _dataset(name: str, given: str | None) -> DatasetChoice:
    return choose_dataset(given) if given is not None else DatasetChoice(name=name, row=catalog.dataset_row(name))
