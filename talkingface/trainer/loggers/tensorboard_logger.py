"""TensorBoard's event files, in the run's folder of `log_dir`: python -m tensorboard.main --logdir=log"""

from __future__ import annotations

import io
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, cast

import cv2
from torch import Tensor

from talkingface.trainer.loggers.logger import Logger, Training, hparams

GIF_SECONDS = 6
"""Videos are shown from their beginning, for at most so long."""
GIF_FPS = 12.5
"""Frames a second of it."""
GIF_WIDTH = 320
"""And at most this wide: an event file holds them all. samples/ has each video whole, with its sound."""


class TensorBoardLogger(Logger):
    """Scalars, pictures, videos as moving pictures, texts, and a row of the HParams page.

    The row's settings lie in the run's own events, and its metrics are the last values of its scalars, `best/...`
    first. `SummaryWriter.add_hparams` would write each row into a folder of its own, as a run of its own.
    """

    def __init__(self, training: Training) -> None:
        from torch.utils.tensorboard import SummaryWriter

        step = training.step
        self._writer = SummaryWriter(str(training.folder), purge_step=step + 1 if step else None)
        self._events = cast(Any, self._writer.file_writer)
        # What hparams() gives besides, a list of all settings and metrics, is left out: TensorBoard would take the one
        # it finds first for all runs. Without any it makes its own of all rows, and puts first what differs.
        start, self._end = _row(hparams(training.config))
        self._events.add_summary(start, step)

    def values(self, split: str, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            if (split, name) != ("valid", "epoch"):  # train/epoch says it
                self._writer.add_scalar(f"{split}/{name}", value, step)

    def text(self, name: str, text: str, step: int) -> None:
        self._writer.add_text(name, text, step)

    def image(self, name: str, image: Tensor, step: int) -> None:
        self._writer.add_image(name, image, step)

    def video(self, name: str, path: Path, step: int) -> None:
        from torch.utils.tensorboard.summary import Summary

        gif, width, height = moving_picture(path)
        picture = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=gif)
        self._events.add_summary(Summary(value=[Summary.Value(tag=name, image=picture)]), step)

    def finish(self, step: int) -> None:
        self._events.add_summary(self._end, step)

    def close(self) -> None:
        self._writer.close()


def _row(settings: Mapping[str, bool | float | str]) -> tuple[Any, Any]:
    """What begins and what ends a row of the HParams page."""
    from torch.utils.tensorboard.summary import hparams as summaries

    shown = {key: str(value).lower() if isinstance(value, bool) else value for key, value in settings.items()}
    _, start, end = summaries(shown, {})
    return start, end


def moving_picture(path: Path) -> tuple[bytes, int, int]:
    """The beginning of a video as a GIF, with its width and height.

    Raises:
        MediaError: the video cannot be read.
    """
    from PIL import Image

    from talkingface.utils.media.video import read_frames

    pictures = []
    for frame in islice(read_frames(path, GIF_FPS), round(GIF_SECONDS * GIF_FPS)):
        height, width = frame.shape[:2]
        factor = min(1.0, GIF_WIDTH / width)
        small = cv2.resize(frame, (round(width * factor), round(height * factor)), interpolation=cv2.INTER_AREA)
        pictures.append(Image.fromarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB)))
    held = io.BytesIO()
    pictures[0].save(held, "gif", save_all=True, append_images=pictures[1:], duration=round(1000 / GIF_FPS), loop=0)
    return held.getvalue(), *pictures[0].size
