"""Pack a clip's pictures for the HR decoder into one array, a record a frame; sketches and masks a bit a pixel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkingface.batch import GT_MASK
from talkingface.data.dataprocess.steps.folder_state import FolderState
from talkingface.data.dataprocess.steps.hr_folders import VERSION, whole_frames
from talkingface.data.dataprocess.steps.pack_clip import Record, read_image, read_record, record_path
from talkingface.data.dataset.hr_store import LINES, frame_record, side_of
from talkingface.utils.errors import UserError
from talkingface.utils.face.sketch import fit, resize_mask, widen_sketch
from talkingface.utils.files import atomic_path, write_json

BEFORE = f"{VERSION} "
"""Stands before the mark of what was packed."""


@dataclass(frozen=True, kw_only=True)
class PackHRTask:
    """What a worker needs to pack one clip."""

    name: str
    root: Path
    """Folder of GT_IMG, ..."""
    state: FolderState
    """What its five folders hold."""
    path: Path
    img_size: int

    def record(self) -> Record | None:
        """The record of the packed frames, where they need not be packed again."""
        record = read_record(self.path)
        if record is None:
            return None
        mark = str(record.get("source")).rpartition(" ")[2]  # the first versions noted the root before it
        return record if self.state.is_noted({**record, "source": f"{BEFORE}{mark}"}, BEFORE) else None

    def note_times(self) -> None:
        """Note the files' present times in the record of a copy, so that its contents need not be read again."""
        record = self.record()
        if record is not None and record.get("times") != list(self.state.times):
            write_json(record_path(self.path), {**record, **self.state.note(BEFORE)})


def pack_hr_clip(task: PackHRTask) -> None:
    """Write the array and, last, its record; a reason against the clip goes there too."""
    try:
        facts = _pack(task)
    except UserError as error:
        facts = {"reason": str(error)}
    write_json(record_path(task.path), {**task.state.note(BEFORE), **facts})


def _pack(task: PackHRTask) -> dict[str, Any]:
    frames = whole_frames(task.root, task.name)
    if not frames:
        raise UserError("no frame has all five pictures")
    record = frame_record(task.img_size)
    damaged: list[int] = []
    with atomic_path(task.path) as temporary:
        with temporary.open("wb") as file:
            offset = _write_header(file, record, 0)
            for number, files in frames.items():
                row = _row(record, files, task.img_size)
                if row is None:
                    damaged.append(number)
                else:
                    file.write(row.tobytes())
        count = len(frames) - len(damaged)
        if not count:
            raise UserError("no frame has five readable pictures and a mouth in its mask")
        with temporary.open("r+b") as file:  # now that the number of frames is known
            _write_header(file, record, count)
    return {"frames": count, "offset": offset, "damaged": damaged}


def _write_header(file: Any, record: np.dtype, count: int) -> int:
    """Write a .npy header of one length for every count; returns where the data begin."""
    text = f"{{'descr': {record.descr!r}, 'fortran_order': False, 'shape': ({count:>12},), }}"
    padding = -(10 + len(text) + 1) % 64
    body = (text + " " * padding + "\n").encode("latin1")
    file.write(np.lib.format.magic(1, 0) + len(body).to_bytes(2, "little") + body)
    return int(file.tell())


def _row(record: np.dtype, files: Mapping[str, Path], img_size: int) -> NDArray[Any] | None:
    """One frame's record; None where a picture is damaged or the mask is empty."""
    row = np.zeros((), record)
    for key, path in files.items():
        picture = read_image(path)
        if picture is None:
            return None
        side = side_of(key, img_size)
        if key not in LINES:
            row[key] = fit(picture, side)
            continue
        lines = (resize_mask if key == GT_MASK else widen_sketch)(np.ascontiguousarray(picture[..., 0]), side)
        if key == GT_MASK and not lines.any():
            return None
        row[key] = np.packbits(lines > 0, axis=1)
    return row
