"""From prepared clips to the arrays that training reads.

Frames are decoded and resized once, the mel is made once: a training sample is then two short copies. The
prepared folder, ours or an original project's, is only read.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tqdm import tqdm

from talkingface.config.schema import DatasetConfig
from talkingface.data.dataprocess.steps.folder_state import FolderState
from talkingface.data.dataprocess.steps.folders import find_clip_folders, imgs_folder
from talkingface.data.dataprocess.steps.pack_clip import PackTask, is_damaged, pack_clip, row_of
from talkingface.data.dataset.filelist import read_lists
from talkingface.data.dataset.jpeg import SHARE
from talkingface.data.dataset.store import frames_path, index_path, mel_folder, read_index
from talkingface.utils.errors import UserError
from talkingface.utils.files import TEMP_PREFIX, only_one, write_text
from talkingface.utils.main_guard import check_main_guard
from talkingface.utils.parallel import Result, cores, run_tasks

LOGGER = logging.getLogger(__name__)
MelPadMode = Literal["constant", "reflect"]


@dataclass(frozen=True)
class PackSummary:
    """What `pack` did."""

    index: Path
    """The file with a row for every clip."""
    clips: int
    """Clips that can be trained on."""
    frames: int
    """Their frames, absent ones not counted."""
    made: int
    """Clips packed now; the others were done before."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Reason by clip name."""


def pack(
    config: DatasetConfig, *, img_size: int, mel_pad_mode: MelPadMode = "constant", show_progress: bool = True
) -> PackSummary:
    """Pack every prepared clip that a split list names (all clips where there are no lists).

    May be killed at any time and started again; what is packed already is kept.

    Raises:
        UserError: there are no prepared clips, none is usable, or the disk is too small.
    """
    check_main_guard()
    with only_one(Path(config.packed_root)):
        tasks = _tasks(config, img_size, mel_pad_mode)
        todo = [task for task in tasks if not _is_done(task)]
        _tell_damage(todo)
        _clear(tasks)
        _check_space(todo, config, img_size)
        failed = clips_in_workers(pack_clip, todo, config, what="pack", show_progress=show_progress)
        for task in tasks:
            task.note_times()
        rows = [_row(task, failed.get(task.name), config.min_frames) for task in tasks]
        index = index_path(config, img_size, mel_pad_mode)
        write_text(index, "".join(json.dumps(row) + "\n" for row in rows))
    kept = [row for row in rows if "frames" in row]
    left_out = {row["name"]: row["reason"] for row in rows if "reason" in row}
    if not kept:
        name, reason = next(iter(left_out.items()))
        raise UserError(
            f"{config.preprocessed_root}: none of its {len(rows)} clips can be used (first: {name}: {reason}); "
            f"all reasons are in {index}"
        )
    frames = sum(row["frames"] - len(row["absent"]) for row in kept)
    return PackSummary(index, len(kept), frames, len(todo) - len(failed), left_out)


def is_packed(config: DatasetConfig, *, img_size: int, mel_pad_mode: MelPadMode = "constant") -> bool:
    """Whether `pack` would find everything done. Reads only."""
    index = index_path(config, img_size, mel_pad_mode)
    if not index.is_file() or not find_clip_folders(config.preprocessed_root):
        return False
    tasks = _tasks(config, img_size, mel_pad_mode)
    return {task.name for task in tasks} == set(read_index(index)) and all(map(_is_done, tasks))


def _tasks(config: DatasetConfig, img_size: int, mel_pad_mode: MelPadMode) -> list[PackTask]:
    folders = find_clip_folders(config.preprocessed_root)
    if not folders:
        raise UserError(
            f"{imgs_folder(config.preprocessed_root)}: no prepared clips; wanted <speaker>/<clip>/ with 0.jpg, 1.jpg, "
            f"... and audio.wav. Run prepare first, or set preprocessed_root to a folder that has them"
        )
    listed = {name for names in read_lists(config.filelist_root).values() for name in names}
    mels = mel_folder(config.packed_root, mel_pad_mode)
    return [
        PackTask(
            name=name,
            folder=folder,
            state=FolderState.of(folder),
            frames_path=frames_path(config, img_size, name),
            mel_path=mels / f"{name}.npy",
            img_size=img_size,
            mel_pad_mode=mel_pad_mode,
            sample_rate=config.sample_rate,
            pack_format=config.pack_format,
        )
        for name, folder in folders.items()
        if not listed or name in listed
    ]


def _is_done(task: PackTask) -> bool:
    return task.frames_record() is not None and task.mel_record() is not None


def _row(task: PackTask, failure: str | None, min_frames: int) -> dict[str, Any]:
    if failure is not None:
        return {"name": task.name, "reason": failure}
    mel, frames = task.mel_record(), task.frames_record()
    assert mel is not None and frames is not None, f"{task.name}: packed without a record"
    row = row_of(task.name, mel, frames)
    if "reason" in row:
        return {"name": task.name, "reason": row["reason"]}
    usable = row["frames"] - len(row["absent"])
    if usable < min_frames:
        return {"name": task.name, "reason": f"{usable} usable frames, wanted {min_frames} or more"}
    return row


def _tell_damage(todo: list[PackTask]) -> None:
    damaged = [str(path) for task in todo for path in (task.frames_path, task.mel_path) if is_damaged(path)]
    if damaged:
        more = f" and {len(damaged) - 3} more" if len(damaged) > 3 else ""
        LOGGER.warning("damaged or gone, made again: %s%s", ", ".join(damaged[:3]), more)


def _clear(tasks: list[PackTask]) -> None:
    """Remove temporary files that a killed `pack` left."""
    for folder in {path.parent for task in tasks for path in (task.frames_path, task.mel_path)}:
        for path in folder.glob(f"{TEMP_PREFIX}*"):
            path.unlink(missing_ok=True)


def _check_space(todo: list[PackTask], config: DatasetConfig, img_size: int) -> None:
    """Refuse before hours of work what cannot end well."""
    if not todo:
        return
    root = Path(config.packed_root)
    frames = sum(task.state.count for task in todo)
    is_raw = config.pack_format == "raw"
    wanted = frames * img_size * img_size * 3 * (1 if is_raw else SHARE)
    free = shutil.disk_usage(root).free
    if wanted > free:
        smaller = ", pack_format to jpeg for about a sixth of that" if is_raw else ""
        raise UserError(
            f"{root}: packing needs about {wanted / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; "
            f"set packed_root to a larger disk{smaller}, or shorten the split lists"
        )


def clips_in_workers(
    function: Callable[[Any], None], tasks: Sequence[Any], config: DatasetConfig, *, what: str, show_progress: bool
) -> dict[str, str]:
    """Call a function for each clip's task in worker processes; reasons by name of clips whose worker failed."""
    failed: dict[str, str] = {}
    if not tasks:
        return failed
    with tqdm(total=len(tasks), desc=what, unit="clip", disable=not show_progress) as bar:

        def on_result(index: int, result: Result) -> None:
            bar.update()
            if result[0] == "failed":
                failed[tasks[index].name] = result[1]

        workers = cores(config.prepare_workers)
        run_tasks(function, tasks, workers=workers, timeout=config.clip_timeout, on_result=on_result)
    return failed
