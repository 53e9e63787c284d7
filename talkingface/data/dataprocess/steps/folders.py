"""Prepared clips on disk: `<speaker>/<clip>/{0.jpg, 1.jpg, ..., audio.wav}`, ours or an original project's."""

from __future__ import annotations

import os
import re
import zlib
from pathlib import Path

AUDIO_NAME = "audio.wav"
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


def folder_fingerprint(folder: Path) -> str:
    """Changes when a frame or the sound of a clip is added, removed or written anew (names, sizes, times)."""
    with os.scandir(folder) as entries:
        facts = sorted(
            (entry.name, entry.stat().st_size, entry.stat().st_mtime_ns)
            for entry in entries
            if entry.name == AUDIO_NAME or _FRAME.fullmatch(entry.name)
        )
    return f"{len(facts)}-{zlib.crc32(repr(facts).encode()):08x}"


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return [path for path in parent.iterdir() if not path.name.startswith(".") and path.is_dir()]


def _is_clip(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(entry.name == AUDIO_NAME or _FRAME.fullmatch(entry.name) for entry in entries)
