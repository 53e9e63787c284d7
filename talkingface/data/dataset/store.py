"""Packed clips, opened where and when they are read, and windows cut out of them in the layout of a batch.

`pack` writes the files; here they are found and mapped. A clip holds paths and numbers only, so a list of a
hundred thousand of them costs little, can be sent to any worker process, and holds no file open.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.config.schema import DatasetConfig, PackFormat
from talkingface.data.dataset.filelist import list_path, read_list
from talkingface.data.dataset.jpeg import JpegFrames
from talkingface.data.dataset.pieces import Pieces, map_file
from talkingface.data.dataset.sync_file import read_sync, sound_shifts
from talkingface.utils.errors import UserError
from talkingface.utils.media.mel import FIRST_MARK, MEL_BINS, MEL_STEPS, mel_mark, mel_window

MEL = "mel"
"""In a clip's row of the index: the settings that its mel was made with, `mel_mark`."""

Frames = NDArray[np.uint8] | JpegFrames
"""A clip's (N, S, S, 3) BGR, mapped as they are or decoded slice by slice."""
FORMAT_NAME: dict[PackFormat, str] = {"raw": "", "jpeg": "_jpeg"}
"""What a format adds to the names of packed folders and indices."""
FORMAT_SUFFIX: dict[PackFormat, str] = {"raw": ".npy", "jpeg": ".jpegs"}
"""What a clip's file of a format ends in."""


@dataclass(frozen=True, eq=False)
class Clip:
    """One packed clip. Frame k shows the time k / fps; frames without a face are absent, not renumbered."""

    name: str
    """`<speaker>/<clip>`."""
    frames_path: Path
    frames_offset: int
    """Byte at which raw frames begin, or the table that finds compressed ones."""
    size: int
    """Side of the square frames, pixels."""
    present: NDArray[np.bool_]
    """(N,): which frames there are."""
    mel_path: Path
    mel_offset: int
    mel_steps: int
    sound_shift: int = 0
    """The sound that belongs to frame k is recorded at frame k + `sound_shift`."""
    pack_format: PackFormat = "raw"
    """What the file of frames holds."""

    @property
    def num_frames(self) -> int:
        """Frames from the first to the last, absent ones included."""
        return len(self.present)

    @property
    def frames(self) -> Frames:
        """(N, S, S, 3) BGR, mapped read-only; absent frames are zero. Mapped anew at each access (some 20 us).

        Slices and single frames are decoded when they are taken, where the clip is compressed; `np.asarray` takes all.
        """
        if self.pack_format == "jpeg":
            pieces = Pieces(self.frames_path, table_at=self.frames_offset, count=self.num_frames, name=self.name)
            return JpegFrames(pieces, self.size)
        count = self.num_frames * self.size * self.size * 3
        flat = np.frombuffer(map_file(self.frames_path), np.uint8, count, self.frames_offset)
        return flat.reshape(self.num_frames, self.size, self.size, 3)

    @property
    def mel(self) -> NDArray[np.float32]:
        """(80, n) float32, mapped read-only. Time-major on disk, so that a window is one short read."""
        flat = np.frombuffer(map_file(self.mel_path), np.float32, MEL_BINS * self.mel_steps, self.mel_offset)
        return flat.reshape(self.mel_steps, MEL_BINS).T


def frames_path(config: DatasetConfig, img_size: int, name: str) -> Path:
    """Where `pack` puts a clip's frames of one size, in the configured format."""
    kind = config.pack_format
    return Path(config.packed_root) / f"{img_size}{FORMAT_NAME[kind]}" / f"{name}{FORMAT_SUFFIX[kind]}"


def mel_folder(packed_root: str | Path, mel_pad_mode: str) -> Path:
    """Where `pack` puts mels of one kind."""
    return Path(packed_root) / f"mel_{mel_pad_mode}"


def index_path(config: DatasetConfig, img_size: int, mel_pad_mode: str) -> Path:
    """The file that `pack` writes last: one JSON row a clip, packed or left out with its reason."""
    return Path(config.packed_root) / f"packed_{img_size}{FORMAT_NAME[config.pack_format]}_{mel_pad_mode}.jsonl"


def read_index(path: Path) -> dict[str, dict]:
    """Rows of a packed index by clip name."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {row["name"]: row for row in rows}


def open_clips(config: DatasetConfig, split: str, img_size: int, mel_pad_mode: str) -> list[Clip]:
    """The packed clips of one split, in the order of its list. Clips that were left out are skipped.

    Where the configuration asks for it, clips are left out and their sound is moved by what a sync expert measured.

    Raises:
        UserError: there is no list, nothing is packed at this size, no listed clip is packed, a file has gone, or the
            expert's measurements are wanted and missing.
    """
    path = list_path(config.filelist_root, split)
    index = index_path(config, img_size, mel_pad_mode)
    if not path.is_file():
        raise UserError(f"{path}: no such file; `prepare` makes the split lists, or write one <speaker>/<clip> a line")
    if not index.is_file():
        raise UserError(
            f"{index}: no such file; nothing is packed at {img_size} px with {mel_pad_mode} mel: pack first"
        )
    names = read_list(path)
    rows = read_index(index)
    clips = [_clip(config, img_size, mel_pad_mode, rows[name]) for name in names if "frames" in rows.get(name, {})]
    if not clips:
        raise UserError(
            f"{path}: none of its {len(names)} clips is among the prepared ones in {config.preprocessed_root}; "
            f"list clips of that folder, or delete the lists and run prepare to have them made"
        )
    return _by_sync(clips, config, path) if config.uses_sync else clips


def _by_sync(clips: list[Clip], config: DatasetConfig, path: Path) -> list[Clip]:
    shifts = sound_shifts(config, [clip.name for clip in clips])
    if not shifts:
        first = read_sync(config.packed_root)[clips[0].name].problem(config)
        raise UserError(f"{path}: none of its {len(clips)} clips is in sync enough (first: {clips[0].name}: {first})")
    return [replace(clip, sound_shift=shifts[clip.name]) for clip in clips if clip.name in shifts]


def _clip(config: DatasetConfig, img_size: int, mel_pad_mode: str, row: dict) -> Clip:
    name = row["name"]
    present = np.ones(row["frames"], np.bool_)
    present[row["absent"]] = False
    frames = frames_path(config, img_size, name)
    mel_path = mel_folder(config.packed_root, mel_pad_mode) / f"{name}.npy"
    for file in (frames, mel_path):
        if not file.is_file():
            raise UserError(f"{file}: packed before, but gone now; pack again")
    sizes = {mel_path: row["mel_offset"] + 4 * MEL_BINS * row["mel_steps"]}
    if config.pack_format == "raw":
        sizes[frames] = row["frames_offset"] + row["frames"] * img_size * img_size * 3
    for file, size in sizes.items():
        if file.stat().st_size != size:
            raise UserError(
                f"{file}: {name} is damaged, {file.stat().st_size:,} bytes where {size:,} were packed; delete the file "
                "and give `prepare` or `train` again, which packs it again"
            )
    if row.get(MEL, FIRST_MARK) != mel_mark():
        raise UserError(f"{mel_path}: a mel of {row.get(MEL, FIRST_MARK)}, wanted {mel_mark()}; pack again")
    return Clip(
        name, frames, row["frames_offset"], img_size, present, mel_path, row["mel_offset"], row["mel_steps"],
        pack_format=config.pack_format,
    )  # fmt: skip


# T frames, N frames of the clip, S side of the crop


def cut_frames(frames: Frames, start: int, count: int, first_row: int = 0) -> NDArray[np.uint8]:
    """Frames start .. start + count - 1 from row `first_row` down.

    Args:
        frames: (N, S, S, 3).

    Returns:
        (3, T, S - first_row, S), contiguous.
    """
    window = frames[start : start + count][:, first_row:]
    t, height, width, _ = window.shape
    out = np.empty((3, t, height, width), np.uint8)
    # HWC to CHW; cv2 splits pixels five times faster than numpy transposes them. Whole frames lie end to end.
    parts = range(t) if first_row else [slice(None)]
    for part in parts:
        cv2.split(window[part].reshape(-1, width, 3), [plane[part].reshape(-1, width) for plane in out])
    return out


def cut_mels(mel: NDArray[np.float32], starts: Sequence[int], steps: int = MEL_STEPS) -> NDArray[np.float32]:
    """Windows of `steps` mel steps: (len(starts), 1, 80, steps) from a mel of (80, n)."""
    low = min(starts)
    span = np.asarray(mel[:, low : max(starts) + steps])
    out = np.empty((len(starts), 1, len(span), steps), np.float32)
    for k, start in enumerate(starts):
        out[k, 0] = span[:, start - low : start - low + steps]
    return out


def cut_face_mels(mel: NDArray[np.float32], starts: Sequence[int], context: int) -> NDArray[np.float32]:
    """Windows of faces with `context` steps on both sides, see `mel_window`: (len(starts), 1, 80, 16 + 2 context)."""
    if not context:
        return cut_mels(mel, starts)
    return np.stack([mel_window(mel, start, context=context) for start in starts])[:, None]
