"""Packed frames of the HR decoder: one array a clip, one record a frame, so that a sample is one short read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkingface.batch import GT_IMG, GT_MASK, GT_SKETCH, HYPER_IMG, HYPER_SIZE, HYPER_SKETCH
from talkingface.config.schema import DatasetConfig
from talkingface.data.dataset.filelist import list_path, read_list
from talkingface.utils.errors import UserError

PICTURES = {GT_IMG: "GT_IMG", GT_SKETCH: "GT_SKETCH", GT_MASK: "GT_MASK", HYPER_IMG: "HYPER_IMG",
            HYPER_SKETCH: "HYPER_SKETCH"}  # fmt: skip
"""Batch key and folder of each of a frame's pictures."""
LINES = (GT_SKETCH, GT_MASK, HYPER_SKETCH)
"""Pictures of 0 and 255 alone, packed to a bit a pixel."""


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


def hr_folder(packed_root: str | Path, img_size: int) -> Path:
    """Where packed frames of one size lie."""
    return Path(packed_root) / f"hr_{img_size}"


def hr_index(packed_root: str | Path, img_size: int) -> Path:
    """The file that packing writes last: one JSON row a clip."""
    return hr_folder(packed_root, img_size) / "index.jsonl"


@dataclass(frozen=True, eq=False)
class HRClip:
    """One packed clip; holds no file open."""

    name: str
    path: Path
    offset: int
    """Bytes before the first record."""
    count: int
    """Frames that have all pictures."""
    img_size: int

    def frame(self, k: int) -> NDArray[np.void]:
        """The k-th stored frame, a record of `frame_record`."""
        record = frame_record(self.img_size)
        with self.path.open("rb") as file:
            file.seek(self.offset + k * record.itemsize)
            return np.fromfile(file, record, 1)[0]


def open_hr_clips(config: DatasetConfig, split: str, img_size: int) -> list[HRClip]:
    """The packed clips of one split, in the order of its list; those that were left out are skipped.

    Raises:
        UserError: there is no list, nothing is packed at this size, or no listed clip is.
    """
    listed, index = list_path(config.filelist_root, split), hr_index(config.packed_root, img_size)
    if not listed.is_file():
        raise UserError(
            f"{listed}: no such file; `prepare` makes the split lists, or write one <speaker>/<clip> a line"
        )
    if not index.is_file():
        raise UserError(f"{index}: no such file; base faces are made and packed by `train` and `run`, see --dry-run")
    rows = {row["name"]: row for row in map(json.loads, index.read_text(encoding="utf-8").splitlines())}
    names = read_list(listed)
    folder = hr_folder(config.packed_root, img_size)
    clips = [
        HRClip(name, folder / f"{name}.npy", rows[name]["offset"], rows[name]["frames"], img_size)
        for name in names
        if rows.get(name, {}).get("frames")
    ]
    if not clips:
        raise UserError(f"{listed}: none of its {len(names)} clips has packed frames; {index} tells why")
    return clips
