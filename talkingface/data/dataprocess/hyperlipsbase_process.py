"""From any folder of videos to face crops and sound: what every model of this family is trained on.

    prepare(config)     data_root/**.mp4 -> preprocessed_root/imgs/<speaker>/<clip>/{0.jpg, ..., audio.wav, boxes.npy}

Each video is one task in a worker process. Its result is moved into place whole, and its status file is written
last: a preparation that was killed goes on where it stood. The user's videos are only read.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from talkingface.config.schema import DatasetConfig
from talkingface.data.dataprocess.report import write_manifest, write_report
from talkingface.data.dataprocess.steps.clips import VIDEO_SUFFIXES, clip_names, find_videos
from talkingface.data.dataprocess.steps.folders import find_clip_folders, frame_files
from talkingface.data.dataprocess.steps.pieces import left_out_row
from talkingface.data.dataprocess.steps.prepare_clip import DONE_NAME, PrepareTask, prepare_clip
from talkingface.data.dataprocess.steps.split import Lists, make_lists
from talkingface.data.dataprocess.steps.workers import cores
from talkingface.data.dataset.filelist import check_disjoint, read_lists
from talkingface.utils.errors import UserError
from talkingface.utils.face import make_detector
from talkingface.utils.files import read_json, write_json
from talkingface.utils.parallel import Result, run_tasks

PREPARE_VERSION = 1
_SETTINGS = (
    "fps", "sample_rate", "face_detector", "face_detector_weights", "crop_pads", "box_smoothing", "min_face",
    "min_frames", "jpeg_quality", "clip_seconds",
)  # fmt: skip


@dataclass(frozen=True)
class PrepareSummary:
    """What `prepare` did and what there is now."""

    clips: int
    """Clips that can be used."""
    hours: float
    """Their length."""
    made: int
    """Videos prepared now; the others stood."""
    lists: Lists
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Reason by clip name."""
    report: Path | None = None
    """The report, where there was something to prepare."""
    message: str = ""
    """What happened, in a sentence."""


def prepare(config: DatasetConfig, *, show_progress: bool = True) -> PrepareSummary:
    """Prepare all videos of a dataset and make its split lists; do nothing where results stand.

    Raises:
        UserError: there are neither videos nor prepared clips, no video can be used, a clip is in two lists, or
            another process prepares the same folder.
    """
    check_disjoint(read_lists(config.filelist_root), config.filelist_root)
    videos = find_videos(config.data_root)
    if not videos:
        return _without_videos(config)
    root = Path(config.preprocessed_root)
    if not (root / "imgs").is_dir() and find_clip_folders(root):
        raise UserError(
            f"{root}: holds clips that were prepared elsewhere, and {config.data_root} holds videos; "
            f"set preprocessed_root to another folder to prepare these, or data_root to an empty one to use those"
        )
    root.mkdir(parents=True, exist_ok=True)
    with _only_one(root):
        tasks = _tasks(config, videos)
        made = _run(tasks, config, show_progress)
        rows = _rows(tasks, root / "imgs", config.fps)
        write_manifest(root / "manifest.jsonl", rows)
        usable = {row["name"]: row["source"] or row["name"] for row in rows if row["status"] == "ok"}
        lists = make_lists(config, usable)
        report = write_report(root / "report.md", config, rows, lists)
    left_out = {row["name"]: row["reason"] for row in rows if row["status"] != "ok"}
    if not usable:
        name, reason = next(iter(left_out.items()))
        raise UserError(
            f"{config.data_root}: none of its {len(videos)} videos can be used (first: {name}: {reason}); see {report}"
        )
    hours = sum(row["seconds"] for row in rows) / 3600
    message = f"{len(usable)} clips ({hours:.2f} h) prepared, {made} videos now, {len(left_out)} left out; see {report}"
    return PrepareSummary(len(usable), hours, made, lists, left_out, report, message)


def _without_videos(config: DatasetConfig) -> PrepareSummary:
    """Clips that were prepared elsewhere are used as they stand; nothing is written beside them."""
    clips = find_clip_folders(config.preprocessed_root)
    if not clips:
        state = "holds no videos" if Path(config.data_root).is_dir() else "no such folder"
        raise UserError(
            f"{config.data_root}: {state} ({' '.join(VIDEO_SUFFIXES)}), "
            f"and {config.preprocessed_root} holds no prepared clips; "
            f"put videos of talking people there, as <speaker>/<clip>.mp4, or set data_root to their folder"
        )
    lists = make_lists(config, {name: name for name in clips})
    message = (
        f"no videos in {config.data_root}; the {len(clips)} clips in {config.preprocessed_root} are used as they stand"
    )
    hours = sum(len(frame_files(folder)) for folder in clips.values()) / config.fps / 3600
    return PrepareSummary(len(clips), hours, 0, lists, message=message)


def _tasks(config: DatasetConfig, videos: list[Any]) -> list[PrepareTask]:
    data, root = Path(config.data_root), Path(config.preprocessed_root)
    settings = {key: getattr(config, key) for key in _SETTINGS} | {"version": PREPARE_VERSION}
    settings["crop_pads"] = list(config.crop_pads)
    tasks = []
    for video, name in clip_names(videos, data.resolve().name).items():
        stat = (data / video).stat()
        facts = {"source": str(video), "size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "settings": settings}
        tasks.append(
            PrepareTask(
                video=data / video,
                name=name,
                imgs=root / "imgs",
                status_path=root / "status" / f"{name}.json",
                partial=root / ".partial",
                facts=facts,
                config=config,
            )
        )
    return tasks


def _standing(task: PrepareTask) -> list[dict[str, Any]] | None:
    """Rows of a video that need not be prepared again, else None."""
    try:
        status = read_json(task.status_path)
    except UserError:
        return _foreign(task)
    if not isinstance(status, dict) or any(status.get(key) != value for key, value in task.facts.items()):
        return None
    if status.get("gave_up_after", task.config.clip_timeout) < task.config.clip_timeout:
        return None  # more time is allowed now
    rows = status["clips"]
    whole = all((task.imgs / row["name"] / DONE_NAME).is_file() for row in rows if row["status"] == "ok")
    return rows if whole else None


def _foreign(task: PrepareTask) -> list[dict[str, Any]] | None:
    """The row of a clip folder that is not ours: kept as it stands."""
    folder = task.imgs / task.name
    if not folder.is_dir() or (folder / DONE_NAME).exists():
        return None
    return [_kept_row(task.name, folder, task.config.fps)]


def _kept_row(name: str, folder: Path, fps: int) -> dict[str, Any]:
    frames = len(frame_files(folder))
    reason = "was there before; kept as it stands"
    return {"name": name, "status": "ok", "reason": reason, "frames": frames, "seconds": round(frames / fps, 2)}


def _run(tasks: list[PrepareTask], config: DatasetConfig, show_progress: bool) -> int:
    """Prepare what does not stand; how many videos that were."""
    todo = [task for task in tasks if _standing(task) is None]
    if not todo:
        return 0
    make_detector(config.face_detector, config.face_detector_weights).close()  # its faults are told at once
    with tqdm(total=len(tasks), initial=len(tasks) - len(todo), desc="prepare", disable=not show_progress) as bar:

        def on_result(index: int, result: Result) -> None:
            bar.update()
            if result[0] == "failed":
                task = todo[index]
                row = left_out_row(task.name, result[1])
                write_json(task.status_path, {**task.facts, "gave_up_after": config.clip_timeout, "clips": [row]})

        run_tasks(
            prepare_clip, todo, workers=cores(config.prepare_workers), timeout=config.clip_timeout, on_result=on_result
        )
    return len(todo)


def _rows(tasks: list[PrepareTask], imgs: Path, fps: int) -> list[dict[str, Any]]:
    """A row for each clip of each video, then for each prepared clip that has no video (any more)."""
    rows = []
    for task in tasks:
        for row in _standing(task) or [left_out_row(task.name, "its result has gone; run prepare again")]:
            rows.append({**row, **task.facts})
    named = {row["name"] for row in rows}
    for name, folder in find_clip_folders(imgs.parent).items():
        if name not in named:
            rows.append({**_kept_row(name, folder, fps), "source": _source(folder)})
    return sorted(rows, key=lambda row: row["name"])


def _source(folder: Path) -> str | None:
    """The video that one of our clips was made from; None for a clip prepared elsewhere."""
    try:
        return str(read_json(folder / DONE_NAME)["source"])
    except (UserError, KeyError, TypeError):
        return None


@contextlib.contextmanager
def _only_one(root: Path) -> Iterator[None]:
    """Refuse a second preparation of one folder; clear what a killed one left half-made.

    The lock is the kernel's, so that a killed process never leaves it behind.
    """
    import fcntl

    with (root / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{root}: another process prepares this folder; wait for it or stop it") from None
        shutil.rmtree(root / ".partial", ignore_errors=True)
        yield
        shutil.rmtree(root / ".partial", ignore_errors=True)
