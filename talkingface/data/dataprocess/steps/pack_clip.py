"""Pack one prepared clip: its frames at one size into one array, its sound into one mel.

Each of the two has a small record beside it, written last: what it was made from, and its shape or the reason why
there is none. An array whose record is of the clip's present state is kept; anything else is made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.config.schema import PackFormat
from talkingface.data.dataprocess.steps.folder_state import FolderState
from talkingface.data.dataprocess.steps.folders import AUDIO_NAME, frame_files
from talkingface.data.dataset.jpeg import encode
from talkingface.data.dataset.pieces import PieceWriter
from talkingface.data.dataset.store import MEL
from talkingface.utils.errors import UserError
from talkingface.utils.face.crop import crop
from talkingface.utils.files import atomic_path, file_mark, read_json, write_json
from talkingface.utils.media.mel import FIRST_MARK, MEL_STEPS, mel_mark, melspectrogram

Frame = NDArray[np.uint8]

PACK_VERSION = "1-"
"""Stands before the mark of what was packed; another one packs everything again."""
RECORD_SUFFIX = ".json"
WRITTEN = "written"
"""In a record: the mark of the array that was written."""
SAMPLE = 4 << 10
"""Bytes of it that are looked at, at its start, middle and end."""
Record = dict[str, Any]


@dataclass(frozen=True)
class PackTask:
    """What a worker needs to pack one clip."""

    name: str
    folder: Path
    state: FolderState
    """What the folder holds, to be compared with what was packed before."""
    frames_path: Path
    mel_path: Path
    img_size: int
    mel_pad_mode: Literal["constant", "reflect"]
    sample_rate: int
    pack_format: PackFormat

    def frames_record(self) -> Record | None:
        """The record of the packed frames, where they need not be packed again."""
        record = read_record(self.frames_path)
        return record if record is not None and self.state.is_noted(record, PACK_VERSION) else None

    def mel_record(self) -> Record | None:
        """The record of the mel, where it need not be made again."""
        record = read_record(self.mel_path)
        known = record is not None and self.state.is_noted(record, PACK_VERSION)
        return record if known and record.get(MEL, FIRST_MARK) == mel_mark() else None  # type: ignore[union-attr]

    def note_times(self) -> None:
        """Note the files' present times in records of a copy, so that its contents need not be read again."""
        for path, record in ((self.frames_path, self.frames_record()), (self.mel_path, self.mel_record())):
            if record is not None and record.get("times") != list(self.state.times):
                write_json(record_path(path), {**record, **self.state.note(PACK_VERSION)})


def pack_clip(task: PackTask) -> None:
    """Make what is missing of a clip's frames and mel. Reasons against a clip go into its records."""
    if task.frames_record() is None:
        _pack_into(task, task.frames_path, _pack_frames, {})
    if task.mel_record() is None:
        _pack_into(task, task.mel_path, _pack_mel, {MEL: mel_mark()})


def _pack_into(task: PackTask, path: Path, step: Callable[[PackTask, Path], Record], facts: Record) -> None:
    try:
        facts = {**facts, **step(task, path)}
    except UserError as error:
        facts = {**facts, "reason": str(error)}
    write_json(record_path(path), {**task.state.note(PACK_VERSION), **facts, **written(path)})


def written(path: Path) -> Record:
    """What a record notes of the array that has been written, so that damage to it is seen later."""
    return {WRITTEN: file_mark(path, SAMPLE)} if path.is_file() else {}


def is_damaged(array_path: Path) -> bool:
    """Whether an array is there no more, or is not what its record says was written: cut off, or changed."""
    try:
        record = read_json(record_path(array_path))
    except UserError:
        return False
    return isinstance(record, dict) and "reason" not in record and not _is_whole(array_path, record)


def _is_whole(array_path: Path, record: Record) -> bool:
    """Its size, and what is in its start, middle and end; records of before that was noted say no more than a name."""
    return array_path.is_file() and record.get(WRITTEN) in (None, file_mark(array_path, SAMPLE))


def record_path(array_path: Path) -> Path:
    """Where the record of a packed array lies."""
    return array_path.with_name(array_path.name.rpartition(".")[0] + RECORD_SUFFIX)


def read_record(array_path: Path) -> Record | None:
    """The record of an array that is there and whole, or of one that cannot be made; else None."""
    try:
        record = read_json(record_path(array_path))
    except UserError:
        return None
    return record if isinstance(record, dict) and ("reason" in record or _is_whole(array_path, record)) else None


def row_of(name: str, *records: Record) -> Record:
    """A clip's row of the index: its records joined, without what they were made from."""
    facts = {
        key: value for record in records for key, value in record.items() if key not in ("source", "times", WRITTEN)
    }
    return {"name": name, **facts}


def _pack_frames(task: PackTask, path: Path) -> dict[str, Any]:
    files = frame_files(task.folder)
    if not files:
        raise UserError("no frames")
    count = max(files) + 1
    if count > 100 * len(files) + 1000:
        raise UserError(f"frame numbers go up to {count - 1}, but there are only {len(files)} images")
    absent: list[int] = []

    def faces() -> Iterator[Frame | None]:
        for number in range(count):
            image = read_image(files[number]) if number in files else None
            if image is None:
                absent.append(number)
            yield None if image is None else _fit(image, task.img_size)

    write = {"raw": _write_raw, "jpeg": _write_jpeg}[task.pack_format]
    with atomic_path(path) as temporary:
        # Written frame by frame: an hour of video needs no more memory than a second.
        with temporary.open("wb") as file:
            offset = write(file, faces(), (count, task.img_size, task.img_size, 3))
        if len(absent) == count:
            raise UserError("no readable frames")
    return {"frames": count, "absent": absent, "frames_offset": offset}


def _write_raw(file: IO[bytes], faces: Iterator[Frame | None], shape: tuple[int, ...]) -> int:
    """Write frames as an array of .npy; returns the byte at which the first begins."""
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    offset = file.tell()
    blank = np.zeros(shape[1:], np.uint8)
    for face in faces:
        file.write((blank if face is None else face).data)
    return offset


def _write_jpeg(file: IO[bytes], faces: Iterator[Frame | None], _shape: tuple[int, ...]) -> int:
    """Write frames as JPEG pieces, absent ones empty; returns the byte at which their table begins."""
    writer = PieceWriter(file)
    for face in faces:
        writer.add(b"" if face is None else encode(face))
    return writer.finish()


def read_image(path: Path) -> Frame | None:
    """Decode an image to (H, W, 3) BGR uint8, or None where it is damaged."""
    data = np.fromfile(path, np.uint8)
    if not data.size:
        return None
    if path.suffix.lower() != ".png" and data[-2:].tobytes() != b"\xff\xd9" and b"\xff\xd9" not in data[-64:].tobytes():
        return None  # cut off: cv2 would give a picture whose rest is grey
    return cv2.imdecode(data, cv2.IMREAD_COLOR)  # type: ignore[return-value]


def _fit(image: Frame, side: int) -> Frame:
    """Resize to (side, side, 3), contiguous, as faces are resized when a video is generated."""
    height, width = image.shape[:2]
    return np.ascontiguousarray(crop(image, np.array([0, 0, width, height]), side))


def _pack_mel(task: PackTask, path: Path) -> dict[str, Any]:
    mel = clip_mel(task.folder, pad_mode=task.mel_pad_mode, sample_rate=task.sample_rate)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        # Fortran order: time-major on disk, so that a window of 16 steps is one short contiguous read.
        header = {"descr": "<f4", "fortran_order": True, "shape": mel.shape}
        np.lib.format.write_array_header_1_0(file, header)
        offset = file.tell()
        file.write(np.ascontiguousarray(mel.T).data)
    return {"mel_steps": mel.shape[1], "mel_offset": offset}


def clip_mel(folder: Path, *, pad_mode: Literal["constant", "reflect"], sample_rate: int) -> NDArray[np.float32]:
    """(80, n) mel of a prepared clip's sound, n >= 16.

    Raises:
        UserError: the sound is missing, damaged or shorter than one window.
    """
    samples = _read_wav(folder / AUDIO_NAME, sample_rate)
    if len(samples) < sample_rate // 10:
        raise UserError(f"{AUDIO_NAME} is shorter than 0.1 s")
    mel = np.asarray(melspectrogram(samples, pad_mode=pad_mode), np.float32)
    if mel.shape[1] < MEL_STEPS:
        raise UserError(f"{AUDIO_NAME} is shorter than one mel window (0.2 s)")
    return mel


def _read_wav(path: Path, rate: int) -> NDArray[np.float32]:
    import soundfile

    if not path.is_file():
        raise UserError(f"no {AUDIO_NAME}")
    try:
        samples, own_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise UserError(f"{AUDIO_NAME} cannot be read ({error.error_string})") from None
    mono = samples.mean(axis=1)
    if own_rate != rate and len(mono):
        import librosa

        mono = librosa.resample(mono, orig_sr=own_rate, target_sr=rate, res_type="soxr_hq")
    return mono
