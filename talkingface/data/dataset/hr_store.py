"""Packed frames of the HR decoder: one file a clip, so that a sample is one short read.

Raw, a clip is an array with a record a frame. As JPEG, it is a file of pieces, `PIECES` for each frame: faces as JPEG,
sketches and masks as bits that zlib has made smaller.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkingface.batch import GT_IMG, GT_MASK, GT_SKETCH, HYPER_IMG, HYPER_SIZE, HYPER_SKETCH
from talkingface.config.schema import DatasetConfig, PackFormat
from talkingface.data.dataset.filelist import list_path, read_list
from talkingface.data.dataset.jpeg import decode_into
from talkingface.data.dataset.pieces import Pieces, map_file
from talkingface.data.dataset.store import FORMAT_NAME, FORMAT_SUFFIX
from talkingface.utils.errors import UserError

PICTURES = {GT_IMG: "GT_IMG", GT_SKETCH: "GT_SKETCH", GT_MASK: "GT_MASK", HYPER_IMG: "HYPER_IMG",
            HYPER_SKETCH: "HYPER_SKETCH"}  # fmt: skip
"""Batch key and folder of each of a frame's pictures."""
LINES = (GT_SKETCH, GT_MASK, HYPER_SKETCH)
"""Pictures of 0 and 255 alone, packed to a bit a pixel."""
PIECES = len(PICTURES)


def side_of(key: str, img_size: int) -> int:
    """Side of a frame's pictures of one kind, pixels."""
    return HYPER_SIZE if key in (HYPER_IMG, HYPER_SKETCH) else img_size


def frame_record(img_size: int) -> np.dtype:
    """What is stored of a frame."""
    return np.dtype(
        [
            (key, np.uint8, (side, side // 8) if key in LINES else (side, side, 3))
            for key in PICTURES
            for side in [side_of(key, img_size)]
        ]
    )


def hr_folder(config: DatasetConfig, img_size: int) -> Path:
    """Where packed frames of one size lie, in the configured format."""
    return Path(config.packed_root) / f"hr_{img_size}{FORMAT_NAME[config.pack_format]}"


def hr_path(config: DatasetConfig, img_size: int, name: str) -> Path:
    """The file of a clip's frames."""
    return hr_folder(config, img_size) / f"{name}{FORMAT_SUFFIX[config.pack_format]}"


def hr_index(config: DatasetConfig, img_size: int) -> Path:
    """The file that packing writes last: one JSON row a clip."""
    return hr_folder(config, img_size) / "index.jsonl"


@dataclass(frozen=True, eq=False)
class HRClip:
    """One packed clip; holds no file open."""

    name: str
    path: Path
    offset: int
    """Byte at which the first record begins, or the table that finds pieces."""
    count: int
    """Frames that have all pictures."""
    img_size: int
    pack_format: PackFormat = "raw"

    def frame(self, k: int) -> NDArray[np.void]:
        """The k-th stored frame, () of `frame_record`; mapped where it is raw.

        Raises:
            UserError: its bytes have changed since it was packed.
        """
        record = frame_record(self.img_size)
        if self.pack_format == "jpeg":
            pieces = Pieces(self.path, table_at=self.offset, count=self.count * PIECES, name=self.name)
            return unpack(pieces, k, record)
        return np.frombuffer(map_file(self.path), record, 1, self.offset + k * record.itemsize).reshape(())


def unpack(pieces: Pieces, k: int, record: np.dtype) -> NDArray[np.void]:
    """The k-th frame of a clip's pieces, () of `record`."""
    frame = np.empty((), record)
    for number, key in enumerate(PICTURES, start=k * PIECES):
        try:
            if key in LINES:
                frame[key] = np.frombuffer(zlib.decompress(pieces[number]), np.uint8).reshape(record[key].shape)
            else:
                decode_into(frame[key], pieces[number])
        except (ValueError, zlib.error) as error:
            if isinstance(error, UserError):
                raise
            raise pieces.damaged(f"{key} of frame {k}: {error}") from None
    return frame


def open_hr_clips(config: DatasetConfig, split: str, img_size: int) -> list[HRClip]:
    """The packed clips of one split, in the order of its list; those that were left out are skipped.

    Raises:
        UserError: there is no list, nothing is packed at this size, or no listed clip is.
    """
    listed, index = list_path(config.filelist_root, split), hr_index(config, img_size)
    if not listed.is_file():
        raise UserError(
            f"{listed}: no such file; `prepare` makes the split lists, or write one <speaker>/<clip> a line"
        )
    if not index.is_file():
        raise UserError(f"{index}: no such file; base faces are made and packed by `train` and `run`, see --dry-run")
    rows = {row["name"]: row for row in map(json.loads, index.read_text(encoding="utf-8").splitlines())}
    names = read_list(listed)
    clips = [
        HRClip(name, hr_path(config, img_size, name), row["offset"], row["frames"], img_size, config.pack_format)
        for name in names
        if (row := rows.get(name, {})).get("frames")
    ]
    if not clips:
        raise UserError(f"{listed}: none of its {len(names)} clips has packed frames; {index} tells why")
    return clips
