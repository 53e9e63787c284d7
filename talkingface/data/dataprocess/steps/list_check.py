"""The user's own split lists, looked at before any work, and videos that are the same byte for byte."""

from __future__ import annotations

import filecmp
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from talkingface.config.schema import DatasetConfig
from talkingface.data.dataprocess.steps.folders import clip_names, dataset_videos, find_clip_folders
from talkingface.data.dataset.filelist import check_disjoint, list_path, read_lists
from talkingface.utils.errors import UserError
from talkingface.utils.files import file_mark
from talkingface.utils.made_files import is_own

_PIECE = re.compile(r"_\d{3,}$")
"""What `clip_seconds` adds to the names of a video's pieces."""


def check_lists(config: DatasetConfig) -> None:
    """Refuse lists that training must not go by; those that `prepare` made may be short of clips that have gone.

    Raises:
        UserError: a clip, or one of two videos that are the same, is in two lists; an own list of training or
            validation is empty, or an own list names clips that are not there.
    """
    root = Path(config.filelist_root)
    lists = read_lists(root)
    if not lists:
        return
    check_disjoint(lists, root)
    videos = dataset_videos(config) if Path(config.data_root).is_dir() else []
    names = clip_names(videos, Path(config.data_root).resolve().name)
    known = {*names.values(), *find_clip_folders(config.preprocessed_root)}
    for split, listed in lists.items():
        if not is_own(list_path(root, split)):
            continue
        # A list of validation that an earlier version made for few clips, or for none, is empty rightly.
        if not listed and (split == "train" or (split == "val" and config.val_fraction and len(known) > 2)):
            raise UserError(
                f"{list_path(root, split)}: is empty; list clips, <speaker>/<clip> a line, or delete the file to have "
                "it made"
            )
        absent = [name for name in listed if name not in known and video_of(name) not in known] if known else []
        if absent:
            more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
            raise UserError(
                f"{list_path(root, split)}: {len(absent)} of its {len(listed)} clips are not there "
                f"({', '.join(absent[:3])}{more}): no such video in {config.data_root}, no such clip in "
                f"{config.preprocessed_root}; mend the names, or take them off the list"
            )
    _check_twins(lists, identical_videos(config, videos), names, root)


def video_of(name: str) -> str:
    """The name of the video that a piece is of."""
    return _PIECE.sub("", name)


def identical_videos(config: DatasetConfig, videos: list[PurePosixPath]) -> dict[PurePosixPath, PurePosixPath]:
    """For each video whose bytes another one before it has, that other one."""
    by_size: dict[int, list[PurePosixPath]] = {}
    for video in videos:
        path = Path(config.data_root, video)
        if path.is_file():
            by_size.setdefault(path.stat().st_size, []).append(video)
    return {one: first for group in by_size.values() if len(group) > 1 for one, first in _twins(config, group)}


def _twins(config: DatasetConfig, videos: list[PurePosixPath]) -> Iterator[tuple[PurePosixPath, PurePosixPath]]:
    """Pairs of a video and the first one that is the same, among some of one size."""
    firsts: dict[str, list[PurePosixPath]] = {}
    for video in videos:
        path = Path(config.data_root, video)
        others = firsts.setdefault(file_mark(path), [])
        for first in others:
            other = Path(config.data_root, first)
            if path.samefile(other) or filecmp.cmp(path, other, shallow=False):
                yield video, first
                break
        else:
            others.append(video)


def _check_twins(
    lists: Mapping[str, list[str]],
    twins: Mapping[PurePosixPath, PurePosixPath],
    names: Mapping[PurePosixPath, str],
    root: Path,
) -> None:
    first_of = {names[video]: names[first] for video, first in twins.items()}
    if not first_of:
        return
    places = {name: split for split, listed in lists.items() for name in listed}
    seen: dict[str, str] = {}
    found = []
    for name in sorted(places):
        video = name if name in first_of or name in names.values() else video_of(name)
        key = first_of.get(video, video) + name.removeprefix(video)
        other = seen.setdefault(key, name)
        if places[other] != places[name]:
            found.append((other, name))
    if found:
        one, other = found[0]
        more = f" (and {len(found) - 1} more such pairs)" if len(found) > 1 else ""
        raise UserError(
            f"{root}: the videos of {one} ({places[one]}.txt) and {other} ({places[other]}.txt) are the same byte for "
            f"byte{more}: what is trained on must not be tested on. Take one of them off its list, or delete the lists "
            "to have them made anew"
        )
