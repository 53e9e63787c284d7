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
from talkingface.trainer.progress import Progress
from talkingface.trainer.run_folder import RunFolder
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


def note_changes(run: RunFolder, stored: Mapping[str, Any], changes: list[dict[str, Any]], *, step: int) -> None:
    """Write changes into a run's status, in place of those that its checkpoint has not taken in."""
    values = {key: value for part in PARTS for key, value in (stored.get(part) or {}).items()}
    past = [
        event
        for event in run.status().get("changes", [])
        if event["step"] < step or (event["step"] == step and values.get(event["key"]) == event["new"])
    ]
    if past or changes or run.status().get("changes"):
        run.update_status(changes=[*past, *changes])


def begin_best_anew(
    run: RunFolder, changes: list[dict[str, Any]], progress: Progress, config: Config, *, write: bool
) -> bool:
    """Where loss weights have changed, losses before and after cannot be compared: the best begins anew.

    The best checkpoint so far is kept as step-N.pth.

    Args:
        run: its checkpoints.
        changes: of `find_changes`.
        progress: its best score is forgotten.
        config: the one to go on with.
        write: whether this process writes.
    """
    weights = fields_marked(type(config.model), LOSS_WEIGHT)
    if progress.best_step is None or not any(event["key"] in weights for event in changes):
        return False
    kept = run.step_checkpoint(progress.best_step)
    if write and run.best.is_file() and not kept.exists():
        put_in_place(run.best, kept)
    progress.best_score = progress.best_step = None
    progress.bad_validations = 0
    return True


def changes_result(status: Mapping[str, Any]) -> bool:
    """Whether a run was trained with values of more than one training: only `resume` continues such a one."""
    return any(event.get("kind") == Kind.RESULT for event in status.get("changes", []))
