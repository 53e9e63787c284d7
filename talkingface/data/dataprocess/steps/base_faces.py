"""The Base's faces of a prepared clip, drawn from the clip's own sound, many frames a call."""

# B frames of a call, M mel bins, S mel steps, s side of the crops that the Base reads

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talkingface.batch import HYPER_SIZE, INDIV_MELS, INPUT_FRAMES
from talkingface.data.dataprocess.steps.folders import frame_files
from talkingface.data.dataprocess.steps.pack_clip import clip_mel, read_image
from talkingface.data.dataset.store import cut_mels
from talkingface.pictures import input_frames, to_pictures
from talkingface.timing import face_mel_starts
from talkingface.utils.errors import UserError
from talkingface.utils.face.sketch import fit

Predict = Callable[[Mapping[str, Tensor]], Tensor]
"""A network batch of single frames to faces (B, 3, s, s) in [0, 1]."""
FAR = 5
"""Frames nearer than this to the reference take another one: it would show them their own mouth."""
QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 98, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]


@dataclass(frozen=True, kw_only=True)
class BaseTask:
    """One clip's faces to be drawn."""

    name: str
    folder: Path
    """Its crops and its sound."""
    out: Path
    """Folder of N.jpg."""
    img_size: int
    """Side of the crops that the Base reads."""
    mel_pad_mode: Literal["constant", "reflect"]
    sample_rate: int
    fps: int
    batch_size: int
    sound_shift: int = 0
    """The sound of frame k lies at frame k + `sound_shift`."""


def draw_clip(task: BaseTask, predict: Predict, device: torch.device) -> None:
    """Write the Base's face of every readable frame as N.jpg of 128 px.

    As when generating, the reference is the clip's first face; frames next to it take the clip's last face instead.

    Raises:
        UserError: the clip has no sound or no readable frames.
    """
    mel = clip_mel(task.folder, pad_mode=task.mel_pad_mode, sample_rate=task.sample_rate)
    files = frame_files(task.folder)
    first, last = _end(files, task.img_size), _end(dict(reversed(files.items())), task.img_size)
    task.out.mkdir(parents=True, exist_ok=True)
    numbers = list(files)
    for begin in range(0, len(numbers), task.batch_size):
        part = numbers[begin : begin + task.batch_size]
        crops = {number: face for number in part if (face := _read(files[number], task.img_size)) is not None}
        if crops:
            references = [last[1] if abs(number - first[0]) < FAR else first[1] for number in crops]
            starts = face_mel_starts([number + task.sound_shift for number in crops], task.fps, steps=mel.shape[1])
            batch = {
                INPUT_FRAMES: input_frames(np.stack(list(crops.values())), np.stack(references), device),
                INDIV_MELS: torch.from_numpy(cut_mels(mel, starts)).to(device),
            }
            for number, face in zip(crops, to_pictures(predict(batch)), strict=True):
                write_jpeg(task.out / f"{number}.jpg", fit(face, HYPER_SIZE))


def write_jpeg(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a picture with little loss."""
    path.write_bytes(cv2.imencode(".jpg", picture, QUALITY)[1].tobytes())


def _end(files: Mapping[int, Path], size: int) -> tuple[int, NDArray[np.uint8]]:
    """The first frame that can be read, and its number."""
    for number, path in files.items():
        face = _read(path, size)
        if face is not None:
            return number, face
    raise UserError("no readable frames")


def _read(path: Path, size: int) -> NDArray[np.uint8] | None:
    picture = read_image(path)
    return None if picture is None else fit(picture, size)
