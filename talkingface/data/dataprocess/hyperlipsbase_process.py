"""From any folder of videos to face crops and sound: what every model of this family is trained on.

    prepare(config)     data_root/**.mp4 -> preprocessed_root/imgs/<speaker>/<clip>/{0.jpg, ..., audio.wav, boxes.npy}

Each video is one task in a worker process. Its result is moved into place whole, and its status file is written
last: a preparation that was killed goes on where it stopped. The user's videos are only read.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from talkingface.config.schema import DatasetConfig
from talkingface.data.dataprocess.prepare_report import write_manifest, write_report
from talkingface.data.dataprocess.records import (
    PARTIAL,
    all_rows,
    note_times,
    prepare_tasks,
    prepared_rows,
    source_text,
)
from talkingface.data.dataprocess.steps.folders import VIDEO_SUFFIXES, dataset_videos, find_clip_folders, frame_files
from talkingface.data.dataprocess.steps.list_check import check_lists, identical_videos
from talkingface.data.dataprocess.steps.prepare_clip import PrepareTask, left_out_row, prepare_clip
from talkingface.data.dataprocess.steps.split import Lists, make_lists
from talkingface.utils.errors import UserError
from talkingface.utils.face import make_detector
from talkingface.utils.files import only_one
from talkingface.utils.main_guard import check_main_guard
from talkingface.utils.parallel import Result, cores, run_tasks

MIN_FREE_BYTES = 64 << 20


@dataclass(frozen=True)
class PrepareSummary:
    """What `prepare` did and what there is now."""

    clips: int
    """Clips that can be used."""
    hours: float
    """Their length."""
    made: int
    """Videos prepared now; the others were done before."""
    lists: Lists
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Reason by clip name."""
    report: Path | None = None
    """The report, where there was something to prepare."""
    message: str = ""
    """What happened, in a sentence."""


def prepare(config: DatasetConfig, *, show_progress: bool = True) -> PrepareSummary:
    """Prepare all videos of a dataset and make its split lists; what is done already stays.

    Raises:
        UserError: there are neither videos nor prepared clips, no video can be used, a clip is in two lists, or
            another process prepares the same folder.
    """
    check_main_guard()
    check_lists(config)
    videos = dataset_videos(config)
    if not videos:
        return _without_videos(config)
    root = Path(config.preprocessed_root)
    if not (root / "imgs").is_dir() and find_clip_folders(root):
        raise UserError(
            f"{root}: holds clips that were prepared elsewhere, and {config.data_root} holds videos; "
            f"set preprocessed_root to another folder to prepare these, or data_root to an empty one to use those"
        )
    with only_one(root):
        shutil.rmtree(root / PARTIAL, ignore_errors=True)  # left by a preparation that was killed
        tasks = prepare_tasks(config, videos)
        made, failed = _run(tasks, config, show_progress)
        note_times(tasks)
        rows = all_rows(tasks, failed, root / "imgs", config.fps)
        write_manifest(root / "manifest.jsonl", rows)
        usable = {row["name"]: row["source"] or row["name"] for row in rows if row["status"] == "ok"}
        lists = make_lists(config, _joined(usable, identical_videos(config, videos)))
        report = write_report(root / "report.md", config, rows, lists)
        shutil.rmtree(root / PARTIAL, ignore_errors=True)
    left_out = {row["name"]: row["reason"] for row in rows if row["status"] != "ok"}
    if not usable:
        name, reason = next(iter(left_out.items()))
        raise UserError(
            f"{config.data_root}: none of its {len(videos)} videos can be used (first: {name}: {reason}); see {report}"
        )
    hours = sum(row["seconds"] for row in rows) / 3600
    message = f"{len(usable)} clips ({hours:.2f} h) prepared, {made} videos now, {len(left_out)} left out; see {report}"
    return PrepareSummary(len(usable), hours, made, lists, left_out, report, message)


def _joined(usable: Mapping[str, str], twins: Mapping[PurePosixPath, PurePosixPath]) -> dict[str, str]:
    """Source of each clip, that of the first of several videos that are the same."""
    first_of = {source_text(video): source_text(first) for video, first in twins.items()}
    return {name: first_of.get(source, source) for name, source in usable.items()}


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


def _run(tasks: list[PrepareTask], config: DatasetConfig, show_progress: bool) -> tuple[int, dict[str, str]]:
    """Prepare what is not done: how many videos that were, and reasons by name of those whose worker failed."""
    todo = [task for task in tasks if prepared_rows(task) is None]
    failed: dict[str, str] = {}
    if not todo:
        return 0, failed
    make_detector(config.face_detector, config.face_detector_weights).close()  # what is wrong with it is told at once
    with tqdm(total=len(tasks), initial=len(tasks) - len(todo), desc="prepare", disable=not show_progress) as bar:

        def on_result(index: int, result: Result) -> None:
            bar.update()
            if result[0] == "failed":
                failed[todo[index].name] = _give_up(todo[index], result[1])

        run_tasks(
            prepare_clip,
            todo,
            workers=cores(config.prepare_workers),
            timeout=config.clip_timeout,
            on_result=on_result,
        )
    return len(todo), failed


def _give_up(task: PrepareTask, reason: str) -> str:
    """The reason for the report. Only running out of time is kept for later runs: the rest may be the machine's."""
    free = shutil.disk_usage(task.imgs.parent).free
    if free < MIN_FREE_BYTES:
        raise UserError(f"{task.imgs.parent}: the disk is full; free some space and start again, what is done is kept")
    if reason.startswith("took longer"):
        reason += "; raise clip_timeout for long videos"
        row = left_out_row(task.name, reason)
        task.write_status({"gave_up_after": task.config.clip_timeout, "clips": [row]})
    return reason
