"""Cut a followed face into pieces, write a piece's crops, and judge whether it can be trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.config.schema import DatasetConfig
from talkingface.data.dataprocess.steps.faces import Box, Frame
from talkingface.utils.face.crop import pad_and_clip

Followed = Iterable[tuple[Frame, Box | None]]


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
    for k, (frame, box) in enumerate(piece):
        x1, y1, x2, y2 = (0, 0, 0, 0) if box is None else pad_and_clip(box, config.crop_pads, frame.shape)
        usable = box is not None and x2 - x1 > 1 and y2 - y1 > 1
        boxes.append(box if usable else np.full(4, np.nan, np.float32))
        if usable:
            data = cv2.imencode(".jpg", frame[y1:y2, x1:x2], quality)[1]
            (folder / f"{k}.jpg").write_bytes(data.tobytes())
    return np.asarray(boxes, np.float32).reshape(-1, 4)


def judge(name: str, boxes: NDArray[np.float32], samples: int, config: DatasetConfig) -> dict[str, Any]:
    """The clip's row: usable, or left out and why.

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
