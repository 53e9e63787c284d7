"""Pictures that the HR decoder learns from: their folders, ours or made elsewhere, and what ours were made from.

They lie in `<root>/{GT_IMG, GT_SKETCH, GT_MASK, HYPER_IMG, HYPER_SKETCH}/<speaker>/<clip>/N.jpg`.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkingface.config.schema import DatasetConfig
from talkingface.data.dataprocess.steps.base_faces import BaseTask
from talkingface.data.dataprocess.steps.folder_state import FolderState
from talkingface.data.dataprocess.steps.folders import find_clip_folders, frame_files
from talkingface.data.dataset.hr_store import PICTURES
from talkingface.utils.errors import UserError
from talkingface.utils.files import read_json, write_json
from talkingface.utils.media.mel import FIRST_MARK, mel_mark

VERSION = 1
"""Counted up when a new program makes other pictures of the same clips."""
_BEFORE = f"{VERSION} "
SPELLINGS = ("HR_Train_Dateset", "HR_Train_Dataset")
"""The original projects' name of the folder, and what it was meant to be."""


def own_root(config: DatasetConfig, img_size: int) -> Path:
    """Where pictures of one size are made: beside nobody else's."""
    return Path(config.preprocessed_root) / f"hr_{img_size}" / SPELLINGS[0]


def given_root(config: DatasetConfig, hr_root: str | None) -> Path | None:
    """Pictures made elsewhere: in the folder that is configured, else in preprocessed_root; None where there are none.

    Raises:
        UserError: the configured folder lacks one of the five.
    """
    if hr_root is not None:
        root = Path(hr_root)
        root = next((root / name for name in SPELLINGS if (root / name).is_dir()), root)
        absent = [folder for folder in PICTURES.values() if not (root / folder).is_dir()]
        if absent:
            raise UserError(
                f"hr_root: {root} has no {', '.join(absent)}; wanted the folders {', '.join(PICTURES.values())}"
            )
        return root
    places = [Path(config.preprocessed_root) / name for name in SPELLINGS]
    return next((place for place in places if (place / PICTURES["gt_img"]).is_dir()), None)


def clips_with_pictures(root: Path) -> list[str]:
    """Names of the clips under a root, sorted."""
    return list(find_clip_folders(root / PICTURES["gt_img"]))


def whole_frames(root: Path, name: str) -> dict[int, dict[str, Path]]:
    """Files by batch key of each frame of a clip that has all five, by frame number."""
    files = {key: _files(root / folder / name) for key, folder in PICTURES.items()}
    numbers = set.intersection(*(set(found) for found in files.values()))
    return {number: {key: found[number] for key, found in files.items()} for number in sorted(numbers)}


def pictures_state(root: Path, name: str) -> FolderState:
    """What a clip's five folders hold now."""
    return FolderState.of(*(root / folder / name for folder in PICTURES.values()))


def _files(folder: Path) -> dict[int, Path]:
    return frame_files(folder) if folder.is_dir() else {}


@dataclass(frozen=True, kw_only=True)
class HRRecords:
    """One file a clip and step, written last, so that a step without its file is done again."""

    folder: Path
    img_size: int
    base_checkpoint: str | None
    """The Base that draws; its contents count, not its name."""
    landmark_smoothing: int

    def path(self, step: str, name: str) -> Path:
        """The record of a clip's `base` or `pictures`."""
        return self.folder / step / f"{name}.json"

    def lacks_base(self, task: BaseTask) -> bool:
        """Whether a clip's base faces have to be drawn."""
        return not FolderState.of(task.folder).is_noted(self._read("base", task.name), _BEFORE, self._made_with(task))

    def lacks_pictures(self, name: str) -> bool:
        """Whether what is drawn from landmarks has to be made of a clip whose base faces are drawn."""
        return self._read("pictures", name).get("source") != self.pictures_mark(name)

    def pictures_mark(self, name: str) -> str:
        """What a clip's pictures are made from."""
        return f"{_BEFORE}{self._read('base', name).get('source')} {self.img_size} {self.landmark_smoothing}"

    def write_base(self, task: BaseTask, reason: str | None) -> None:
        """Keep that a clip's base faces are drawn, or why not."""
        facts = FolderState.of(task.folder).note(_BEFORE, self._made_with(task))
        write_json(self.path("base", task.name), facts if reason is None else {**facts, "reason": reason})

    def note_times(self, task: BaseTask) -> None:
        """Note the present times of a copied clip's files, so that their contents need not be read again."""
        record, state = self._read("base", task.name), FolderState.of(task.folder)
        copied = record.get("times") not in (None, list(state.times))
        if copied and state.is_noted(record, _BEFORE, self._made_with(task)):
            write_json(self.path("base", task.name), {**record, "times": list(state.times)})

    def failures(self, tasks: Iterable[BaseTask]) -> dict[str, str]:
        """Reasons by name of clips whose faces could not be drawn."""
        records = {task.name: read_json(self.path("base", task.name)) for task in tasks}
        return {name: record["reason"] for name, record in records.items() if "reason" in record}

    def frames_without(self, name: str) -> dict[str, list[int]]:
        """Numbers of frames without a face mesh, by the face that has none."""
        path = self.path("pictures", name)
        without: dict[str, list[int]] = read_json(path).get("without", {}) if path.is_file() else {}
        return without

    def _made_with(self, task: BaseTask) -> str:
        """What base faces depend on beside crops and sound: the Base, and what it was shown."""
        base = "none" if self.base_checkpoint is None else file_hash(self.base_checkpoint)
        moved = f" {task.sound_shift}" if task.sound_shift else ""
        mel = "" if mel_mark() == FIRST_MARK else f" {mel_mark()}"
        return f" {base} {task.img_size} {task.mel_pad_mode}{moved}{mel}"

    def _read(self, step: str, name: str) -> dict[str, Any]:
        """A clip's record of a step; empty where there is none."""
        try:
            record = read_json(self.path(step, name))
        except UserError:
            return {}
        return record if isinstance(record, dict) else {}


def file_hash(path: str) -> str:
    """A checksum of a file's contents."""
    status = Path(path).stat()
    return _hash(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _hash(path: str, size: int, mtime_ns: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
