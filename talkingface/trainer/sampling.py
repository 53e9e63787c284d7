"""Putting samples of a running training into its folder and into TensorBoard."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from talkingface.data.dataprocess.steps.folders import AUDIO_NAME, imgs_folder
from talkingface.trainer.samples import to_rgb, write_clip, write_image
from talkingface.trainer.train_log import TrainLog
from talkingface.trainer.validation import read_batch

if TYPE_CHECKING:
    from talkingface.trainer.trainer import Trainer

ROWS = 4
"""Samples in a grid."""


def show_samples(trainer: Trainer, dataset: Any, log: TrainLog, *, video: bool) -> None:
    """Draw samples of a dataset, if the model draws faces.

    Writes a grid of the first samples as samples/step-N.png and into TensorBoard. With `video` also the first of
    the dataset's `clips`, real beside generated and with its sound, as samples/step-N.mp4, and a strip of its
    frames into TensorBoard.
    """
    grid = trainer.sample(read_batch(dataset, range(min(ROWS, len(dataset))), trainer.device))
    if grid is None:
        return
    write_image(trainer.run.samples / f"step-{trainer.progress.step:06d}.png", grid)
    log.image("samples/reference_masked_generated_real", to_rgb(grid))
    clips = getattr(dataset, "clips", None)
    if video and clips:
        _show_clip(trainer, clips[0], log)


def _show_clip(trainer: Trainer, clip: Any, log: TrainLog) -> None:
    if find_spec("av") is None:
        log.say("no sample video: it is written by the package av, which is not installed")
        return
    audio_file = imgs_folder(trainer.config.dataset.preprocessed_root) / clip.name / AUDIO_NAME
    if not audio_file.is_file():
        log.say(f"the sample video is silent: no {audio_file}")
    strip = write_clip(
        trainer.run.samples / f"step-{trainer.progress.step:06d}.mp4",
        trainer.sample_clip(clip),
        fps=trainer.config.dataset.fps,
        audio_file=audio_file if audio_file.is_file() else None,
    )
    log.image("samples/real_above_generated", to_rgb(strip))
