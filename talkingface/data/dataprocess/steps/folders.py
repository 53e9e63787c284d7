"""Folders of a dataset: the user's videos, whose places give the clips their names, and the prepared clips.

A prepared clip is a folder `<speaker>/<clip>/{0.jpg, 1.jpg, ..., audio.wav}`, ours or an original project's.
"""

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


AUDIO_NAME = "audio.wav"
DONE_NAME = "done.json"
"""In a clip's folder: written last, so that a folder that has it is whole; and it is ours."""
_FRAME = re.compile(r"(\d+)\.(jpg|jpeg|png)", re.IGNORECASE)


def imgs_folder(preprocessed_root: str | Path) -> Path:
    """`<root>/imgs` where there is one, else the root itself (clips at its top)."""
    root = Path(preprocessed_root)
    return root / "imgs" if (root / "imgs").is_dir() else root


def find_clip_folders(preprocessed_root: str | Path) -> dict[str, Path]:
    """Clip folders by name `<speaker>/<clip>`, sorted; a clip folder has numbered images or an audio.wav."""
    top = imgs_folder(preprocessed_root)
    found = {}
    for speaker in _folders(top):
        for clip in _folders(speaker):
            if _is_clip(clip):
                found[f"{speaker.name}/{clip.name}"] = clip
    return dict(sorted(found.items()))


def frame_files(folder: Path) -> dict[int, Path]:
    """Image files of a clip by frame number, ascending; `7.jpg` and `00007.jpg` are both frame 7."""
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        match = _FRAME.fullmatch(path.name)
        if match:
            found.setdefault(int(match[1]), path)
    return dict(sorted(found.items()))


def is_clip_file(name: str) -> bool:
    """Whether a file of this name is a clip's sound or one of its frames."""
    return name == AUDIO_NAME or _FRAME.fullmatch(name) is not None


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return [path for path in parent.iterdir() if not path.name.startswith(".") and path.is_dir()]


def _is_clip(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(is_clip_file(entry.name) for entry in entries)
