"""The stage that turns videos into face crops and sound, and the check that there is something to prepare."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePosixPath

from talkingface.catalog.rows import DatasetRow
from talkingface.chain.render import render_stages
from talkingface.chain.stage import Look, Stage
from talkingface.config.schema import Config, DatasetConfig
from talkingface.data.dataset.filelist import SPLITS, list_path
from talkingface.utils.errors import UserError
from talkingface.utils.files import read_json, write_json


def video_stages(row: DatasetRow, config: Config) -> list[Stage]:
    """Stages up to prepared clips: rendering where the dataset makes its own videos, then preparation."""
    return [*render_stages(row, config), _prepare(config, will_have_videos=row.source is not None)]


def check_data(row: DatasetRow, config: DatasetConfig) -> str:
    """Say what data there are.

    Raises:
        UserError: there are none, and none can be made; or the user's own lists are not as they should be.
    """
    from talkingface.data.dataprocess.steps.list_check import check_lists

    check_lists(config)
    videos, clips = _videos(config), _prepared(config)
    if videos:
        _check_origin(config, videos)
        return f"{len(videos)} videos in {config.data_root}"
    if clips:
        return f"{clips} prepared clips in {config.preprocessed_root}"
    if row.source:
        return "rendered by the toolkit"
    raise UserError(
        f"{config.data_root}: no videos here, and no prepared clips in {config.preprocessed_root}; put your videos "
        f"into {config.data_root}, or give their folder (--dataset=path/to/videos)"
    )


def _prepare(config: Config, *, will_have_videos: bool) -> Stage:
    data = config.dataset

    def look() -> Look:
        videos, clips = _videos(data), _prepared(data)
        listed = all(list_path(data.filelist_root, split).is_file() for split in SPLITS)
        if not videos and not will_have_videos:
            what = f"{clips} prepared clips in {data.preprocessed_root}, used as they are"
            return Look(not listed, what if listed else f"split lists for {what}")
        pending = _unprepared(data, videos)
        if videos and not pending and listed:
            return Look(False, f"{clips} clips of {len(videos)} videos stand in {data.preprocessed_root}")
        return Look(True, f"faces and sound of {pending or 'the'} videos, to {data.preprocessed_root}")

    def work() -> str:
        from talkingface.data.dataprocess.hyperlipsbase_process import prepare

        message = prepare(data, show_progress=config.run.show_progress).message
        if _videos(data):
            write_json(_origin_file(data), {"place": _place(data)})
        return message

    return Stage(name="prepare", look=look, work=work)


def _origin_file(config: DatasetConfig) -> Path:
    return Path(config.preprocessed_root) / "origin.json"


def _place(config: DatasetConfig) -> str:
    """A mark of the folder of videos that tells nobody where it is."""
    return hashlib.sha256(str(Path(config.data_root).resolve()).encode()).hexdigest()[:16]


def _check_origin(config: DatasetConfig, videos: list[PurePosixPath]) -> None:
    """Refuse to mix the videos of two folders of one name.

    A folder is the one that was prepared where it lies in the same place or, copied or moved, holds one of the same
    videos: same path from data_root, same size.
    """
    path = _origin_file(config)
    if not path.is_file():
        return
    before = read_json(path)
    if before.get("place") == _place(config) or before.get("data_root") == str(Path(config.data_root).resolve()):
        return
    known = _prepared_from(config)
    if not known or any((str(video), Path(config.data_root, video).stat().st_size) in known for video in videos):
        return
    raise UserError(
        f"{config.preprocessed_root}: was prepared from other videos than those in {config.data_root}; rename one of "
        "the two folders of videos, or set preprocessed_root, packed_root and filelist_root. If these videos replace "
        f"the former ones, delete {path}"
    )


def _prepared_from(config: DatasetConfig) -> set[tuple[str, int]]:
    """Path from data_root and size of every video in the manifest."""
    manifest = Path(config.preprocessed_root) / "manifest.jsonl"
    if not manifest.is_file():
        return set()
    rows = map(json.loads, manifest.read_text(encoding="utf-8").splitlines())
    return {(str(row["source"]), int(row["size"])) for row in rows if row.get("source") and "size" in row}


def _unprepared(config: DatasetConfig, videos: list[PurePosixPath]) -> int:
    from talkingface.data.dataprocess.records import prepare_tasks, prepared_rows

    return sum(prepared_rows(task) is None for task in prepare_tasks(config, videos))


def _videos(config: DatasetConfig) -> list[PurePosixPath]:
    from talkingface.data.dataprocess.steps.folders import dataset_videos

    return dataset_videos(config) if Path(config.data_root).is_dir() else []


def _prepared(config: DatasetConfig) -> int:
    from talkingface.data.dataprocess.steps.folders import find_clip_folders

    return len(find_clip_folders(config.preprocessed_root))
