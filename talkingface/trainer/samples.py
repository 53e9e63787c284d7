"""Samples of a training, in its folder and in its log: grids of drawn faces, a clip drawn whole with its sound."""

# B batch, T frames, C channels, H/W pixels, S side of the crop, M mel bins

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from talkingface.batch import GT, INPUT_FRAMES, Batch
from talkingface.config.schema import Config
from talkingface.data.dataprocess.steps.folders import AUDIO_NAME, imgs_folder
from talkingface.generate.synthesizer import DecoderModel, Synthesizer
from talkingface.model.base import AbstractTalkingFace
from talkingface.pictures import to_pictures, to_rgb
from talkingface.timing import face_mel_starts
from talkingface.trainer.progress import Progress
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.train_log import TrainLog
from talkingface.trainer.validation import read_batch
from talkingface.utils.face.sketch import Mesh, fit
from talkingface.utils.files import atomic_path
from talkingface.utils.media.audio import read_audio
from talkingface.utils.media.mel import mel_window
from talkingface.utils.media.writer import VideoWriter

Image = NDArray[np.uint8]
"""(H, W, 3) BGR."""
ROWS = 4
"""Samples in a grid."""
STRIP = 8
"""Frames of a clip that are shown side by side."""
SECONDS = 10
"""Sample videos are at most this long."""


class Clip(Protocol):
    """What is needed of a dataset's clip."""

    name: str
    present: NDArray[np.bool_]

    @property
    def frames(self) -> NDArray[np.uint8]:
        """(N, S, S, 3) BGR."""

    @property
    def mel(self) -> NDArray[np.float32]:
        """(M, n)."""


def face_grid(batch: Mapping[str, Tensor], fake: Tensor) -> Image:
    """Lay out one row a sample: reference, masked input, generated, ground truth; the first frame of each.

    Args:
        batch: network batch with `input_frames` (B, 6, T, H, W) and `gt` (B, 3, T, H, W), in [0, 1].
        fake: (B, 3, T, H, W) in [0, 1].
    """
    masked, reference = batch[INPUT_FRAMES][:, :3, 0], batch[INPUT_FRAMES][:, 3:, 0]
    columns = torch.cat([reference, masked, fake[:, :, 0], batch[GT][:, :, 0]], dim=3)  # (B, 3, H, 4W)
    return np.concatenate(list(to_pictures(columns)), axis=0)


def picture_grid(columns: Sequence[Tensor]) -> Image:
    """Lay out one row a sample, its pictures at the largest one's size side by side.

    Args:
        columns: (B, 3, h, h) in [0, 1], of any sizes.
    """
    side = max(column.shape[-1] for column in columns)
    fitted = [F.interpolate(column.float(), size=(side, side), mode="nearest") for column in columns]
    return np.concatenate(list(to_pictures(torch.cat(fitted, dim=3))), axis=0)


def clip_frames(
    model: AbstractTalkingFace,
    clip: Clip,
    *,
    fps: int,
    device: torch.device,
    batch_size: int,
    precision: str,
) -> Iterator[Image]:
    """Draw a clip from its own sound, as dubbing does; yields (S, 2S, 3): ground truth, generated.

    The reference is the clip's first face.
    """
    frames, mel = clip.frames, clip.mel
    count = min(len(frames), SECONDS * fps)
    starts = face_mel_starts(range(count), fps, steps=mel.shape[1])
    with _mesh_for(model) as mesh:
        synthesizer = Synthesizer(
            model, device=device, precision=precision, batch_size=batch_size, mesh=mesh,
            reference=np.array(frames[int(np.argmax(clip.present))]),
        )  # fmt: skip
        faces = (np.array(frames[k]) for k in range(count))
        windows = (mel_window(mel, start, context=model.config.mel_context) for start in starts)
        stream = ((face, face, window) for face, window in zip(faces, windows, strict=True))
        for drawn in synthesizer.draw(stream):
            assert drawn.face is not None, "every frame was given a crop"
            yield np.concatenate([fit(drawn.item, drawn.face.shape[0]), drawn.face], axis=1)


@contextmanager
def _mesh_for(model: AbstractTalkingFace) -> Iterator[Mesh | None]:
    """A face mesh where the model sketches."""
    if not isinstance(model, DecoderModel):
        yield None
        return
    from talkingface.utils.face.crop_mesh import CropMesh

    with CropMesh() as mesh:
        yield mesh


def write_clip(path: Path, images: Iterator[Image], *, fps: int, audio_file: Path | None) -> Image:
    """Write images as a video with the sound of a file; returns some of them side by side.

    Raises:
        MediaError: the sound cannot be read or the video not written.
    """
    audio = read_audio(audio_file) if audio_file is not None else None
    kept: list[Image] = []
    with VideoWriter(path, fps=fps, audio=audio) as writer:
        for number, image in enumerate(images):
            writer.write(image)
            if number % fps == 0 and len(kept) < STRIP:  # one a second: neighbouring frames look alike
                kept.append(np.concatenate(np.split(image, 2, axis=1), axis=0))
    return np.concatenate(kept, axis=1)


def write_image(path: Path, image: Image) -> None:
    """Write a picture, atomically."""
    with atomic_path(path) as temporary:
        cv2.imwrite(str(temporary), image)


class Draws(Protocol):
    """What showing samples needs of a training."""

    config: Config
    run: RunFolder
    device: torch.device
    progress: Progress

    @property
    def sample_columns(self) -> tuple[str, ...]:
        """What the pictures in a row of `sample` are."""

    def sample(self, batch: Batch) -> Image | None:
        """A picture of what the model does with some samples; None where it draws no faces."""

    def sample_clip(self, clip: Any) -> Iterator[Image]:
        """A clip as the model draws it: (S, 2S, 3), ground truth beside generated."""


def show_samples(trainer: Draws, dataset: Any, log: TrainLog, *, video: bool) -> None:
    """Draw samples of a dataset, if the model draws faces.

    Writes a grid of the first samples as samples/step-N.png and into the log. With `video` also the first of the
    dataset's `clips`, real beside generated and with its sound, as samples/step-N.mp4, and it and a strip of its frames
    into the log.
    """
    grid = trainer.sample(read_batch(dataset, range(min(ROWS, len(dataset))), trainer.device))
    if grid is None:
        return
    write_image(trainer.run.samples / f"step-{trainer.progress.step:06d}.png", grid)
    log.image("samples/" + "_".join(trainer.sample_columns), to_rgb(grid))
    clips = getattr(dataset, "clips", None)
    if video and clips:
        _show_clip(trainer, clips[0], log)


def _show_clip(trainer: Draws, clip: Any, log: TrainLog) -> None:
    if find_spec("av") is None:
        log.say("no sample video: it is written by the package av, which is not installed")
        return
    audio_file = imgs_folder(trainer.config.dataset.preprocessed_root) / clip.name / AUDIO_NAME
    if not audio_file.is_file():
        log.say(f"the sample video is silent: no {audio_file}")
    path = trainer.run.samples / f"step-{trainer.progress.step:06d}.mp4"
    strip = write_clip(
        path,
        trainer.sample_clip(clip),
        fps=trainer.config.dataset.fps,
        audio_file=audio_file if audio_file.is_file() else None,
    )
    log.image("samples/real_above_generated", to_rgb(strip))
    log.video("samples/real_beside_generated", path)
