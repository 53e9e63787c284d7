"""What of a preparation stands: which videos there are, what was made of them before, and what was not ours.

What came of a preparation, for programs (manifest.jsonl) and for people (report.md).
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from talkingface.config.schema import DatasetConfig
from talkingface.data.dataprocess.steps.folders import clip_names, find_clip_folders, frame_files
from talkingface.data.dataprocess.steps.prepare_clip import DONE_NAME, PrepareTask, left_out_row
from talkingface.data.dataprocess.steps.split import Lists
from talkingface.utils.errors import UserError
from talkingface.utils.files import read_json, write_text

PARTIAL = ".partial"
"""Folder of what is not finished."""
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
        facts = {
            "source": os.fsencode(video).decode(errors="replace"),
            **_size_and_time(data / video),
            "settings": settings,
        }
        tasks.append(
            PrepareTask(
                video=data / video,
                name=name,
                imgs=root / "imgs",
                status_path=root / "status" / f"{name}.json",
                partial=root / PARTIAL,
                facts=facts,
                config=config,
            )
        )
    return tasks


def _size_and_time(path: Path) -> dict[str, int]:
    try:
        stat = path.stat()
    except OSError:  # a link to nothing: an unreadable video like others
        stat = path.lstat()
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def standing(task: PrepareTask) -> list[dict[str, Any]] | None:
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


def all_rows(tasks: list[PrepareTask], failed: Mapping[str, str], imgs: Path, fps: int) -> list[dict[str, Any]]:
    """A row for each clip of each video, then for each prepared clip that has no video (any more)."""
    rows = []
    for task in tasks:
        reason = failed.get(task.name, "its result has gone; run prepare again")
        rows += [{**row, **task.facts} for row in standing(task) or [left_out_row(task.name, reason)]]
    named = {row["name"] for row in rows}
    for name, folder in find_clip_folders(imgs.parent).items():
        if name not in named:
            rows.append({**_kept_row(name, folder, fps), "source": _source(folder)})
    return sorted(rows, key=lambda row: row["name"])


def _kept_row(name: str, folder: Path, fps: int) -> dict[str, Any]:
    frames = len(frame_files(folder))
    reason = "was there before; kept as it stands"
    return {"name": name, "status": "ok", "reason": reason, "frames": frames, "seconds": round(frames / fps, 2)}


def _source(folder: Path) -> str | None:
    """The video that one of our clips was made from; None for a clip prepared elsewhere."""
    try:
        return str(read_json(folder / DONE_NAME)["source"])
    except (UserError, KeyError, TypeError):
        return None


Row = dict[str, Any]


def write_manifest(path: Path, rows: Iterable[Row]) -> None:
    """One JSON row a clip: name, source, status, reason, frames, seconds, share of faces found, and what made it."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def write_report(path: Path, config: DatasetConfig, rows: list[Row], lists: Lists) -> Path:
    """Counts, hours, split sizes, and every clip that was left out, with its reason."""
    usable = [row for row in rows if row["status"] == "ok"]
    left_out = [row for row in rows if row["status"] != "ok"]
    speakers = {row["name"].split("/")[0] for row in usable}
    lines = [
        f"# Preparation of {config.data_root}",
        "",
        f"- {len(usable)} clips of {len(speakers)} speakers, {sum(row['seconds'] for row in usable) / 3600:.2f} hours, "
        f"{sum(row['frames'] for row in usable)} frames with a face",
        f"- {len(left_out)} clips left out",
        "",
        "| list | prepared clips | |",
        "|---|---|---|",
        *(_list_line(config, lists, split) for split in lists.sizes),
        "",
    ]
    if lists.unlisted:
        lines += [
            f"{lists.unlisted} prepared clips are in no list: add them, or delete the lists to have new ones.",
            "",
        ]
    for split, names in lists.unknown.items():
        lines += [
            f"{len(names)} clips of {split}.txt are not prepared: {', '.join(names[:10])}{' ...' * (len(names) > 10)}",
            "",
        ]
    if left_out:
        lines += ["## Left out", "", *_reasons(left_out), ""]
    write_text(path, "\n".join(lines))
    return path


def _list_line(config: DatasetConfig, lists: Lists, split: str) -> str:
    made = "made now" if split in lists.made else ""
    return f"| {Path(config.filelist_root) / split}.txt | {lists.sizes[split]} | {made} |"


def _reasons(rows: list[Row]) -> list[str]:
    kinds = Counter(row["reason"].split(":")[0] for row in rows)
    table = [
        f"| {_cell(row['name'])} | {_cell(str(row.get('source') or ''))} | {_cell(row['reason'])} |" for row in rows
    ]
    counts = [f"- {reason}: {count}" for reason, count in kinds.most_common()]
    return [*counts, *([""] if counts else []), "| clip | video | reason |", "|---|---|---|", *table]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
