"""What the folders of a clip hold now, against what an earlier run noted of them.

A note is of contents: names and sizes of all files, and what is in a few of them. Times only save reading. Where they
are as noted, nothing has been written; where they all differ, the folders are a copy, and the contents tell; where
only some differ, files were written anew. A copied or moved dataset so stays what it was.
"""

from __future__ import annotations

import functools
import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkingface.data.dataprocess.steps.folders import AUDIO_NAME, DONE_NAME, frame_files, is_clip_file
from talkingface.utils.errors import UserError
from talkingface.utils.files import file_mark, read_json

SAMPLE = 4 << 10
"""Bytes that are read at start, middle and end of the files that are looked into."""
_DATED = re.compile(r"(\d+)-[0-9a-f]{8}")
"""A mark of the first versions: number of files, and a checksum of names, sizes and times."""


@dataclass(frozen=True)
class FolderState:
    """The frames and the sound of one clip, in one folder or several."""

    folders: tuple[Path, ...]
    count: int
    """Files, those of sound included."""
    listed: str
    """Checksum of all names and sizes."""
    times: tuple[int, int]
    """When the oldest and the newest file were written, nanoseconds."""
    dated: str
    """What the first versions noted."""

    @classmethod
    def of(cls, *folders: Path) -> FolderState:
        """Look at the files of some folders, which may be absent, without opening any."""
        found = [_files(folder) for folder in folders]
        files = [file for files in found for file in files]
        times = [time for _, _, time in files] or [0]
        listed = repr([[(name, size) for name, size, _ in files] for files in found])
        dated = [f"{len(files)}-{zlib.crc32(repr(files).encode()):08x}" for files in found]
        return cls(
            folders=folders,
            count=len(files),
            listed=f"{zlib.crc32(listed.encode()):08x}",
            times=(min(times), max(times)),
            dated="+".join(text if folder.is_dir() else "0" for text, folder in zip(dated, folders, strict=True)),
        )

    @functools.cached_property
    def mark(self) -> str:
        """The same for every copy of the folders: `count-checksum`; opens a few files."""
        marks = [file_mark(path, SAMPLE) for folder in self.folders for path in _looked_into(folder)]
        return f"{self._head}{zlib.crc32(repr(marks).encode()):08x}"

    @property
    def _head(self) -> str:
        return f"{self.count}-{self.listed}"

    def note(self, before: str, after: str = "") -> dict[str, Any]:
        """What a record keeps, so that `is_noted` knows the folders again; the texts stand around the mark."""
        return {"source": f"{before}{self.mark}{after}", "times": list(self.times)}

    def is_noted(self, record: Mapping[str, Any], before: str, after: str = "") -> bool:
        """Whether a record is of what the folders hold now. Of the first versions' records, see `_is_first`."""
        source = record.get("source")
        if not isinstance(source, str) or not source.startswith(before) or not source.endswith(after):
            return False
        noted = source[len(before) : len(source) - len(after)]
        if noted == self.dated or _DATED.fullmatch(noted):
            return noted == self.dated or self._is_first(noted)
        if not noted.startswith(self._head):
            return False
        same = [one == other for one, other in zip(record.get("times", ()), self.times, strict=False)]
        return all(same) if any(same) else noted == self.mark

    def _is_first(self, noted: str) -> bool:
        """Whether a mark of the first versions, of other times, is believed.

        Such a mark says nothing but the number of files. That is enough for a clip which a first version prepared:
        the toolkit replaces a clip whole, and notes the video's contents with the new one. Frames made elsewhere may
        have been written anew in place, so they are taken up again.
        """
        if int(noted.split("-")[0]) != self.count or len(self.folders) != 1:
            return False
        try:
            done = read_json(self.folders[0] / DONE_NAME)
        except UserError:
            return False
        return isinstance(done, dict) and "content" not in done


def folder_fingerprint(folder: Path) -> str:
    """The mark of one clip's folder, the same for every copy."""
    return FolderState.of(folder).mark


def _files(folder: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of each file that belongs to a clip, sorted."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(
            (entry.name, entry.stat().st_size, entry.stat().st_mtime_ns)
            for entry in entries
            if is_clip_file(entry.name)
        )


def _looked_into(folder: Path) -> list[Path]:
    """The sound, whose size tells nothing of it, and three frames, although theirs does."""
    if not folder.is_dir():
        return []
    frames = list(frame_files(folder).values())
    return [folder / AUDIO_NAME, *(frames[k] for k in sorted({0, len(frames) // 2, len(frames) - 1}) if frames)]
