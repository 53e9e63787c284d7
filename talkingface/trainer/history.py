"""What was changed in a run's configuration on its way: noted in its status, told to TensorBoard and the report.

The checkpoint that a training goes on from holds the configuration before. A change that no checkpoint has taken in
yet, because the training was stopped too soon, is found again by the next start and noted once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from talkingface.config.keys import PARTS
from talkingface.config.kinds import LOSS_WEIGHT, Kind, field_kinds, fields_marked
from talkingface.config.plain import to_plain
from talkingface.config.schema import Config
from talkingface.trainer import distributed
from talkingface.trainer.progress import Progress
from talkingface.trainer.resume import BestScore, Start
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.train_log import TrainLog
from talkingface.utils.files import put_in_place

UNTOLD = ("resume", "show_progress")
"""Keys that say nothing about a training."""


def find_changes(stored: Mapping[str, Any], config: Config, *, step: int) -> list[dict[str, Any]]:
    """In what a configuration differs from the one that a checkpoint was trained with so far.

    Keys that only one of them has are of another version and are passed over.

    Args:
        stored: the checkpoint's, as plain data.
        config: the one to go on with.
        step: of the checkpoint.

    Returns:
        One event a key: step, time, key, old, new, and the kind of key (`config.kinds`).
    """
    now, time, found = to_plain(config), datetime.now().astimezone().isoformat(timespec="seconds"), []
    for part in PARTS:
        kinds = field_kinds(type(getattr(config, part)))
        before = stored.get(part) or {}
        for key, new in now[part].items():
            if key in before and before[key] != new and key not in UNTOLD:
                event = {"step": step, "time": time, "key": key, "old": before[key], "new": new}
                found.append(event | {"kind": str(kinds[key])})
    return found


def take_changes(start: Start, run: RunFolder, config: Config, progress: Progress) -> list[dict[str, Any]]:
    """Note what has changed since the checkpoint that a training goes on from; all processes call it.

    Where loss weights have changed, losses before and after cannot be compared: the best begins anew, and best.pth is
    kept as step-N.pth.

    Args:
        start: what the training goes on from.
        run: its status tells of every change, in place of those that no checkpoint had taken in.
        config: the one to go on with.
        progress: as the checkpoint left it.
    """
    stored = start.trained_with
    if stored is None:
        return []
    changes = find_changes(stored, config, step=progress.step)
    is_main, weights = distributed.rank() == 0, fields_marked(type(config.model), LOSS_WEIGHT)
    if is_main:
        _write(run, stored, changes, step=progress.step)
    if any(event["key"] in weights for event in changes):
        if is_main and run.best.is_file():
            _keep(run, start.best.step)
        start.best = BestScore()
        progress.best_score, progress.best_step, progress.bad_validations = None, None, 0
    return changes


def tell_changes(log: TrainLog, changes: list[dict[str, Any]]) -> None:
    """Say them, and show them as text where the training is shown."""
    for event in changes:
        log.say(f"from step {event['step']:,} on {event['key']} is {event['new']}, it was {event['old']}")
    if changes:
        rows = [f"| {event['key']} | {event['old']} | {event['new']} |" for event in changes]
        log.text("changes", "\n".join(["| key | before | from here on |", "| --- | --- | --- |", *rows]))


def _write(run: RunFolder, stored: Mapping[str, Any], changes: list[dict[str, Any]], *, step: int) -> None:
    values = {key: value for part in PARTS for key, value in (stored.get(part) or {}).items()}
    noted = run.status().get("changes", [])
    past = [
        event
        for event in noted
        if event["step"] < step or (event["step"] == step and values.get(event["key"]) == event["new"])
    ]
    if noted != [*past, *changes]:
        run.update_status(changes=[*past, *changes])


def _keep(run: RunFolder, step: int) -> None:
    """Let the best so far be a checkpoint that is kept."""
    kept = run.step_checkpoint(step)
    if not kept.exists():
        put_in_place(run.best, kept)
    else:
        run.best.unlink()


def changes_result(status: Mapping[str, Any]) -> bool:
    """Whether a run was trained with values of more than one training: only `resume` continues such a one."""
    return any(event.get("kind") == Kind.RESULT for event in status.get("changes", []))
