"""Which videos have been prepared, with which result, and which prepared clips were made elsewhere.

A video's status file is written last. It says what the result was made from: the video's place below data_root, its
size and a mark of its contents, and the settings. Its time only saves reading: a copy of the video, whose time is
another one, is known by its contents.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from talkingface.config.schema import DatasetConfig
from talkingface.data.dataprocess.steps.folders import DONE_NAME, clip_names, find_clip_folders, frame_files
from talkingface.data.dataprocess.steps.prepare_clip import PrepareTask, left_out_row
from talkingface.utils.errors import UserError
from talkingface.utils.files import file_mark, read_json

PARTIAL = ".partial"
"""Folder of what is not finished."""
SECOND = 1_000_000_000
"""Nanoseconds."""
PREPARE_VERSION = 1
"""Counted up when a new program makes other results of the same video and settings."""
_SETTINGS = (
    "fps", "sample_rate", "face_detector", "face_detector_weights", "crop_pads", "box_smoothing", "min_face",
    "min_frames", "jpeg_quality", "clip_seconds",
)  # fmt: skip


def prepare_tasks(config: DatasetConfig, videos: list[PurePosixPath]) -> list[PrepareTask]:
    """One task a video, with all that its result will depend on."""
    data, root = Path(config.data_root), Path(config.preprocessed_root)
    settings = {key: getattr(config, key) for key in _SETTINGS} | {"version": PREPARE_VERSION}
    settings["crop_pads"] = list(config.crop_pads)
    tasks = []
    for video, name in clip_names(videos, data.resolve().name).items():
        stat = _stat(data / video)
        source = source_text(video)
        tasks.append(
            PrepareTask(
                video=data / video,
                name=name,
                imgs=root / "imgs",
                status_path=root / "status" / f"{name}.json",
                partial=root / PARTIAL,
                facts=_without_place({"source": source, "size": stat.st_size, "settings": settings}),
                mtime_ns=stat.st_mtime_ns,
                config=config,
            )
        )
    return tasks


def source_text(video: PurePosixPath) -> str:
    """A video's place as it is noted: text, whatever bytes its name has."""
    return os.fsencode(video).decode(errors="replace")


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError:  # a link to nothing: an unreadable video like others
        return path.lstat()


def _without_place(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts with the name of the detector's weights alone: where they lie has no part in the result."""
    weights = facts["settings"]["face_detector_weights"]
    name = None if weights is None else re.split(r"[\\/]", weights)[-1]
    return {**facts, "settings": {**facts["settings"], "face_detector_weights": name}}


def prepared_rows(task: PrepareTask) -> list[dict[str, Any]] | None:
    """Rows of a video that need not be prepared again, else None."""
    try:
        status = read_json(task.status_path)
    except UserError:
        return _foreign(task)
    try:
        if any(_without_place(status)[key] != value for key, value in task.facts.items()):
            return None
        rows: list[dict[str, Any]] = status["clips"]
    except (KeyError, TypeError):  # a damaged file
        return None
    if status.get("gave_up_after", task.config.clip_timeout) < task.config.clip_timeout:
        return None  # more time is allowed now
    if not all((task.imgs / row["name"] / DONE_NAME).is_file() for row in rows if row["status"] == "ok"):
        return None
    return rows if _is_same_video(task, status) else None


def _is_same_video(task: PrepareTask, status: Mapping[str, Any]) -> bool:
    """Whether a video of the size noted is the one that was prepared.

    The first versions noted no contents. Where the time is another one, their word is taken for the size alone: that
    is a copy of the project nearly always, while a video edited in place hardly ever keeps its size to the byte; and
    to be wrong in the other direction costs hours of preparation.
    """
    noted, now = status.get("mtime_ns", -1), task.mtime_ns
    if now == noted or (now % SECOND == 0 and now // SECOND == noted // SECOND):  # archives keep whole seconds
        return True
    return "content" not in status or bool(status["content"] == file_mark(task.video))


def note_times(tasks: Iterable[PrepareTask]) -> None:
    """Note the present times of videos that were copied, and contents where the first versions noted none.

    After that their contents need not be read again. To be called where nobody else writes to the folder.
    """
    for task in tasks:
        if task.status_path.is_file() and prepared_rows(task) is not None:
            status = read_json(task.status_path)
            if status.get("mtime_ns") != task.mtime_ns or "content" not in status:
                task.write_status({key: value for key, value in status.items() if key in ("clips", "gave_up_after")})


def _foreign(task: PrepareTask) -> list[dict[str, Any]] | None:
    """The row of a clip folder that is not ours: kept as it is."""
    folder = task.imgs / task.name
    if not folder.is_dir() or (folder / DONE_NAME).exists():
        return None
    return [_kept_row(task.name, folder, task.config.fps)]


def all_rows(tasks: list[PrepareTask], failed: Mapping[str, str], imgs: Path, fps: int) -> list[dict[str, Any]]:
    """A row for each clip of each video, then for each prepared clip that has no video (any more)."""
    rows = []
    for task in tasks:
        reason = failed.get(task.name, "its result has gone; run prepare again")
        rows += [{**row, **task.facts} for row in prepared_rows(task) or [left_out_row(task.name, reason)]]
    named = {row["name"] for row in rows}
    for name, folder in find_clip_folders(imgs.parent).items():
        if name not in named:
            rows.append({**_kept_row(name, folder, fps), "source": _source(folder)})
    return sorted(rows, key=lambda row: row["name"])


def _kept_row(name: str, folder: Path, fps: int) -> dict[str, Any]:
    frames = len(frame_files(folder))
    reason = "was there before; kept as it is"
    return {"name": name, "status": "ok", "reason": reason, "frames": frames, "seconds": round(frames / fps, 2)}


def _source(folder: Path) -> str | None:
    """The video that one of our clips was made from; None for a clip prepared elsewhere."""
    try:
        return str(read_json(folder / DONE_NAME)["source"])
    except (UserError, KeyError, TypeError):
        return None
