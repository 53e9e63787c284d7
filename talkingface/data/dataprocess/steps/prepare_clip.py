"""Prepare one video: follow its face, write the crops and the sound as one clip or several, say what came of each."""

from __future__ import annotations

import functools
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.config.schema import DatasetConfig
from talkingface.data.dataprocess.steps.folders import AUDIO_NAME, DONE_NAME
from talkingface.utils.errors import MediaError, UserError
from talkingface.utils.face import Face, FaceDetector, make_detector
from talkingface.utils.face.follow import FollowedFrame, Frame, follow_face
from talkingface.utils.files import file_mark, put_in_place, read_json, write_json
from talkingface.utils.media.audio import read_audio, write_wav
from talkingface.utils.media.video import probe, read_frames

Followed = Iterable[FollowedFrame]
SILENCE = 1e-4
"""A sound that never gets louder than this share of full scale is none."""


@dataclass(frozen=True)
class PrepareTask:
    """What a worker needs to prepare one video."""

    video: Path
    name: str
    """`<speaker>/<clip>`; pieces get `_000`, `_001`, ... after it."""
    imgs: Path
    status_path: Path
    partial: Path
    """Folder for what is not finished."""
    facts: dict[str, Any]
    """The video's place below data_root, its size, and the settings: what the result depends on."""
    mtime_ns: int
    """When the video was written."""
    config: DatasetConfig

    def write_status(self, result: Mapping[str, Any]) -> None:
        """Keep what came of the video, and what it was made from."""
        write_json(self.status_path, {**self.made_from(), "mtime_ns": self.mtime_ns, **result})

    def made_from(self) -> dict[str, Any]:
        """The facts, and a mark of the video's contents."""
        return {**self.facts, "content": file_mark(self.video)}


def prepare_clip(task: PrepareTask) -> list[dict[str, Any]]:
    """Prepare a video; return (and keep in its status file) one row a clip."""
    work = task.partial / secrets.token_hex(8)
    work.mkdir(parents=True)
    try:
        rows = _attempt(task, work)
        usable = [row["name"] for row in rows if row["status"] == "ok"]
        _clear_former(task, work)
        for name in usable:
            (task.imgs / name).parent.mkdir(parents=True, exist_ok=True)
            put_in_place(work / name.split("/")[1], task.imgs / name)
        task.write_status({"clips": rows})
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return rows


def _attempt(task: PrepareTask, work: Path) -> list[dict[str, Any]]:
    try:
        if not probe(task.video).has_audio:
            return [left_out_row(task.name, "no sound")]
        samples = read_audio(task.video, task.config.sample_rate)
        if float(np.abs(samples).max(initial=0)) < SILENCE:
            return [left_out_row(task.name, "the sound is silent throughout")]
        detector = _detector(task.config.face_detector, task.config.face_detector_weights)
        detector.reset()
        return _crop_video(task, work, samples, detector)
    except MediaError as error:
        reason = str(error).removeprefix(f"{os.fspath(task.video)!r}: ")
        return [left_out_row(task.name, reason)]


def _crop_video(
    task: PrepareTask, work: Path, samples: NDArray[np.float32], detector: FaceDetector
) -> list[dict[str, Any]]:
    config = task.config
    found: list[bool] = []

    def find(_: int, frame: Frame) -> Face | None:
        face = detector.detect(frame)
        found.append(face is not None)
        return face

    followed = follow_face(enumerate(read_frames(task.video, config.fps)), find, window=config.box_smoothing)
    rows: list[dict[str, Any]] = []
    first = 0
    for number, piece in enumerate(cut_pieces(followed, config)):
        name = task.name if config.clip_seconds is None else f"{task.name}_{number:03d}"
        folder = work / name.split("/")[1]
        boxes = write_frames(piece, folder, config)
        if rows and len(boxes) < config.min_frames:
            break  # what is left over at the end
        begin, end = (round(k * config.sample_rate / config.fps) for k in (first, first + len(boxes)))
        share = round(float(np.mean(found[first : first + len(boxes)])), 4)
        rows.append({**clip_row(name, boxes, len(samples[begin:end]), config), "faces_found": share})
        first += len(boxes)
        if rows[-1]["status"] == "ok":
            np.save(folder / "boxes.npy", boxes)
            write_wav(folder / AUDIO_NAME, samples[begin:end], config.sample_rate)
            write_json(folder / DONE_NAME, {**task.made_from(), **rows[-1]})
    return rows


def cut_pieces(followed: Followed, config: DatasetConfig) -> Iterator[Followed]:
    """Consecutive pieces of `clip_seconds`, the last one shorter, or one whole; use each up before the next."""
    frames = iter(followed)
    if config.clip_seconds is None:
        yield frames
        return
    length = max(1, round(config.clip_seconds * config.fps))
    while (head := next(frames, None)) is not None:
        yield chain([head], islice(frames, length - 1))


def write_frames(piece: Followed, folder: Path, config: DatasetConfig) -> NDArray[np.float32]:
    """Write 0.jpg, 1.jpg, ... of the face where there is one.

    Returns:
        (N, 4) float32 x1, y1, x2, y2 in pixels of the video, one row a frame; NaN where there is no face.
    """
    folder.mkdir(parents=True)
    quality = [cv2.IMWRITE_JPEG_QUALITY, config.jpeg_quality]
    boxes = []
    for k, one in enumerate(piece):
        boxes.append(np.full(4, np.nan, np.float32) if one.box is None else one.box)
        if one.box is not None:
            x1, y1, x2, y2 = one.crop_box(config.crop_pads)
            data = cv2.imencode(".jpg", one.frame[y1:y2, x1:x2], quality)[1]
            (folder / f"{k}.jpg").write_bytes(data.tobytes())
    return np.asarray(boxes, np.float32).reshape(-1, 4)


def clip_row(name: str, boxes: NDArray[np.float32], samples: int, config: DatasetConfig) -> dict[str, Any]:
    """The clip's row of the manifest: usable, or left out and why.

    Args:
        boxes: (N, 4), NaN where there is no face.
        samples: length of its sound.
    """
    total = {"total_frames": len(boxes)}
    faces = boxes[~np.isnan(boxes[:, 0])]
    if not len(faces):
        return left_out_row(name, "no face found", **total)
    side = float(np.median(np.minimum(faces[:, 2] - faces[:, 0], faces[:, 3] - faces[:, 1])))
    if side < config.min_face:
        return left_out_row(
            name, f"face too small: {side:.0f} px, wanted min_face = {config.min_face} or more", **total
        )
    if len(faces) < config.min_frames:
        reason = f"too few frames: {len(faces)} with a face, wanted min_frames = {config.min_frames} or more"
        return left_out_row(name, reason, **total)
    if samples < config.min_frames * config.sample_rate / config.fps:
        seconds, wanted = samples / config.sample_rate, config.min_frames / config.fps
        return left_out_row(name, f"sound shorter than {wanted:.2f} s: {seconds:.2f} s", **total)
    return {
        "name": name, "status": "ok", "reason": "", "frames": len(faces),
        "seconds": round(len(boxes) / config.fps, 2), **total,
    }  # fmt: skip


def left_out_row(name: str, reason: str, **facts: Any) -> dict[str, Any]:
    """The row of a clip that cannot be used."""
    return {"name": name, "status": "left out", "reason": reason, "frames": 0, "seconds": 0.0, **facts}


@functools.lru_cache(maxsize=1)
def _detector(name: str, weights: str | None) -> FaceDetector:
    """One detector a worker process: making it costs more than a second of video."""
    return make_detector(name, weights)


def _clear_former(task: PrepareTask, work: Path) -> None:
    """Move away what an earlier preparation of this video, with other settings or contents, has left."""
    try:
        former = [row["name"] for row in read_json(task.status_path)["clips"]]
    except (UserError, KeyError, TypeError):
        former = []
    for number, name in enumerate({task.name, *former}):
        if (task.imgs / name / DONE_NAME).is_file():
            put_in_place(task.imgs / name, work / f".former-{number}")
