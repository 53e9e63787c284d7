"""Pack a clip's pictures for the HR decoder into one file; sketches and masks a bit a pixel."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from talkingface.batch import GT_MASK
from talkingface.config.schema import PackFormat
from talkingface.data.dataprocess.steps.folder_state import FolderState
from talkingface.data.dataprocess.steps.hr_folders import VERSION, whole_frames
from talkingface.data.dataprocess.steps.pack_clip import Record, read_image, read_record, record_path, written
from talkingface.data.dataset.hr_store import LINES, PICTURES, frame_record, side_of
from talkingface.data.dataset.jpeg import encode
from talkingface.data.dataset.pieces import PieceWriter
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
    pack_format: PackFormat

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
    write_json(record_path(task.path), {**task.state.note(BEFORE), **facts, **written(task.path)})


def _pack(task: PackHRTask) -> dict[str, Any]:
    frames = whole_frames(task.root, task.name)
    if not frames:
        raise UserError("no frame has all five pictures")
    record = frame_record(task.img_size)
    damaged: list[int] = []

    def rows() -> Iterator[NDArray[Any]]:
        for number, files in frames.items():
            row = _row(record, files, task.img_size)
            if row is None:
                damaged.append(number)
            else:
                yield row

    write = {"raw": _write_raw, "jpeg": _write_jpeg}[task.pack_format]
    with atomic_path(task.path) as temporary:
        with temporary.open("w+b") as file:
            offset = write(file, rows(), record)
        if len(damaged) == len(frames):
            raise UserError("no frame has five readable pictures and a mouth in its mask")
    return {"frames": len(frames) - len(damaged), "offset": offset, "damaged": damaged}


def _write_raw(file: IO[bytes], rows: Iterator[NDArray[Any]], record: np.dtype) -> int:
    """Write records as an array of .npy; returns the byte at which the first begins."""
    offset = _write_header(file, record, 0)
    count = 0
    for row in rows:
        file.write(row.tobytes())
        count += 1
    file.seek(0)
    _write_header(file, record, count)  # now that their number is known
    return offset


def _write_jpeg(file: IO[bytes], rows: Iterator[NDArray[Any]], _record: np.dtype) -> int:
    """Write the pictures of records as pieces; returns the byte at which their table begins."""
    writer = PieceWriter(file)
    for row in rows:
        for key in PICTURES:
            writer.add(zlib.compress(row[key].tobytes()) if key in LINES else encode(row[key]))
    return writer.finish()


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
