"""Stages that make data: render (where a dataset makes its own videos), prepare, pack."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from talkingface import catalog
from talkingface.catalog.rows import DatasetRow
from talkingface.chain.stage import Look, Stage
from talkingface.config.schema import Config, DatasetConfig
from talkingface.data.dataset.filelist import SPLITS, list_path
from talkingface.utils.errors import UserError
from talkingface.utils.files import read_json, write_json


def data_stages(row: DatasetRow, configs: Iterable[Config]) -> list[Stage]:
    """Stages up to packed faces, for one dataset.

    Args:
        row: the kind of dataset.
        configs: of every model that will be trained on packed faces, at least one; each size is packed once.
    """
    configs = list(configs)
    return [*video_stages(row, configs[0]), *pack_stages(configs)]


def video_stages(row: DatasetRow, config: Config) -> list[Stage]:
    """Stages up to prepared clips."""
    dataset, show = config.dataset, config.run.show_progress
    stages = [_render(row, dataset, show)] if row.source else []
    return [*stages, _prepare(dataset, show, will_have_videos=row.source is not None)]


def pack_stages(configs: Iterable[Config], *, packed: Iterable[Config] = ()) -> list[Stage]:
    """One stage for each size of faces and kind of mel that a model reads, apart from those in `packed`."""
    done = {(config.model.img_size, config.model.mel_pad_mode) for config in packed}
    kinds = {(config.model.img_size, config.model.mel_pad_mode): config for config in configs}
    return [
        _pack(config.dataset, size, mode, config.run.show_progress)
        for (size, mode), config in kinds.items()
        if (size, mode) not in done
    ]


def check_data(row: DatasetRow, config: DatasetConfig) -> str:
    """Say what data there are.

    Raises:
        UserError: there are none, and none can be made.
    """
    videos, clips = _videos(config), _prepared(config)
    if videos:
        _check_origin(config)
        return f"{videos} videos in {config.data_root}"
    if clips:
        return f"{clips} prepared clips in {config.preprocessed_root}"
    if row.source:
        return "rendered by the toolkit"
    raise UserError(
        f"{config.data_root}: no videos here, and no prepared clips in {config.preprocessed_root}; put your videos "
        f"into {config.data_root}, or give their folder (--dataset=path/to/videos)"
    )


def _render(row: DatasetRow, config: DatasetConfig, show: bool) -> Stage:
    def missing() -> int:
        return len(catalog.load(str(row.missing))(config))

    def look() -> Look:
        count = missing()
        if not count:
            return Look(False, f"{_videos(config)} videos stand in {config.data_root}")
        return Look(True, f"videos and split lists ({count} files), to {config.data_root}")

    def work() -> str:
        made = catalog.load(str(row.source))(config, show_progress=show)
        return f"{len(made)} videos"

    return Stage(name="render", look=look, work=work)


def _prepare(config: DatasetConfig, show: bool, *, will_have_videos: bool) -> Stage:
    def look() -> Look:
        videos, clips = _videos(config), _prepared(config)
        if not videos and not will_have_videos:
            todo, what = (
                not _has_lists(config),
                f"{clips} prepared clips in {config.preprocessed_root}, used as they are",
            )
            return Look(todo, f"split lists for {what}" if todo else what)
        pending = _unprepared(config)
        if videos and not pending and _has_lists(config):
            return Look(False, f"{clips} clips of {videos} videos stand in {config.preprocessed_root}")
        return Look(True, f"faces and sound of {pending or 'the'} videos, to {config.preprocessed_root}")

    def work() -> str:
        from talkingface.data.dataprocess.hyperlipsbase_process import prepare

        message = prepare(config, show_progress=show).message
        if _videos(config):
            write_json(_origin_file(config), {"data_root": str(Path(config.data_root).resolve())})
        return message

    return Stage(name="prepare", look=look, work=work)


def _pack(config: DatasetConfig, img_size: int, mel_pad_mode: Literal["constant", "reflect"], show: bool) -> Stage:
    from talkingface.data.dataprocess.packing import is_packed, pack

    def look() -> Look:
        what = f"{img_size} px faces and {mel_pad_mode} mel"
        if is_packed(config, img_size=img_size, mel_pad_mode=mel_pad_mode):
            return Look(False, f"{what} stand in {config.packed_root}")
        return Look(True, f"{what}, to {config.packed_root}")

    def work() -> str:
        done = pack(config, img_size=img_size, mel_pad_mode=mel_pad_mode, show_progress=show)
        left_out = f", {len(done.left_out)} left out (see {done.index})" if done.left_out else ""
        return f"{done.clips} clips, {done.frames} frames{left_out}"

    return Stage(name=f"pack {img_size} px", look=look, work=work)


def _origin_file(config: DatasetConfig) -> Path:
    return Path(config.preprocessed_root) / "origin.json"


def _check_origin(config: DatasetConfig) -> None:
    """Refuse to mix the videos of two folders of one name."""
    path = _origin_file(config)
    if not path.is_file():
        return
    before, now = str(read_json(path)["data_root"]), str(Path(config.data_root).resolve())
    if before != now:
        raise UserError(
            f"{config.preprocessed_root}: was prepared from {before}, not from {now}; rename one of the folders, or "
            f"set preprocessed_root, packed_root and filelist_root. If the videos have only moved, delete {path}"
        )


def _has_lists(config: DatasetConfig) -> bool:
    return all(list_path(config.filelist_root, split).is_file() for split in SPLITS)


def _unprepared(config: DatasetConfig) -> int:
    from talkingface.data.dataprocess.records import prepare_tasks, standing
    from talkingface.data.dataprocess.steps.folders import dataset_videos

    if not Path(config.data_root).is_dir():
        return 0
    return sum(standing(task) is None for task in prepare_tasks(config, dataset_videos(config)))


def _videos(config: DatasetConfig) -> int:
    from talkingface.data.dataprocess.steps.folders import dataset_videos

    return len(dataset_videos(config)) if Path(config.data_root).is_dir() else 0


def _prepared(config: DatasetConfig) -> int:
    from talkingface.data.dataprocess.steps.folders import find_clip_folders

    return len(find_clip_folders(config.preprocessed_root))
