"""Find the user's videos and give each a clip name."""

from __future__ import annotations

import os
import re
import zlib
from collections import Counter
from pathlib import Path, PurePosixPath

from talkingface.config.schema import DatasetConfig

VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mts", ".m2ts", ".ts", ".flv", ".wmv", ".3gp",
    ".ogv", ".vob", ".mxf",
)  # fmt: skip
MAX_BYTES = 150
"""Longest clip name before what makes it unlike others is added; file systems allow 255."""


def dataset_videos(config: DatasetConfig) -> list[PurePosixPath]:
    """The videos under `data_root` that the dataset includes, as `find_videos` gives them."""
    return [video for video in find_videos(config.data_root) if config.includes(video)]


def find_videos(data_root: str | Path) -> list[PurePosixPath]:
    """Paths of all videos under a folder, relative to it, sorted. Links are followed, hidden files passed over."""
    root = Path(data_root)
    found: list[PurePosixPath] = []
    seen: set[str] = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link back to a folder already searched
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        relative = PurePosixPath(Path(folder).relative_to(root).as_posix())
        found += [relative / name for name in files if _is_video(name)]
    return sorted(found)


def clip_names(videos: list[PurePosixPath], top: str) -> dict[PurePosixPath, str]:
    """A name `<speaker>/<clip>` for each video; no two alike.

    The first folder is the speaker, deeper ones are joined to the clip with `_`; videos at the top belong to the
    speaker `top`. White space becomes `_`. Videos that would share a name get their suffix added (`a_mp4`,
    `a_avi`), and where that is not enough, a checksum of their path.
    """
    level = dict.fromkeys(videos, 0)
    while True:
        names = {video: _name(video, top, level[video]) for video in videos}
        count = Counter(name.lower() for name in names.values())  # some file systems do not tell case apart
        shared = [video for video in videos if count[names[video].lower()] > 1 and level[video] < 2]
        if not shared:
            return names
        for video in shared:
            level[video] += 1


def _is_video(name: str) -> bool:
    return not name.startswith(".") and name.lower().endswith(VIDEO_SUFFIXES)


def _name(video: PurePosixPath, top: str, level: int) -> str:
    speaker, *between = video.parts[:-1] or (top,)
    clip = _clean("_".join([*between, video.stem]))
    checksum = f"_{zlib.crc32(os.fsencode(video)):08x}"
    if len(clip.encode()) > MAX_BYTES:
        clip = clip.encode()[-MAX_BYTES:].decode(errors="ignore") + checksum
    if level >= 1:
        clip += "_" + video.suffix[1:]
    if level >= 2:
        clip += checksum
    return f"{_clean(speaker)}/{clip}"


def _clean(part: str) -> str:
    """A folder name that a split list can hold: UTF-8, no white space or slashes, not hidden, not a path step."""
    text = os.fsencode(part).decode(errors="replace")
    return re.sub(r"[\s\\/]+", "_", text).lstrip(".") or "_"
