"""What starts from trained weights: dubbing a video, measuring on a test list."""

from __future__ import annotations

from pathlib import Path

from talkingface.catalog.resolve import choose_dataset
from talkingface.chain.evaluate import Examination, Judgement
from talkingface.chain.workspace import Part, choose_run, find_weights, make_part
from talkingface.config.loader import Overrides
from talkingface.generate import Dubber, GenerateSummary
from talkingface.generate.files import user_path
from talkingface.model.checkpoint import checkpoint_file
from talkingface.model.trained import Trained, load_trained
from talkingface.utils.errors import CheckpointError, MediaError


def generate_video(
    checkpoint: str,
    *,
    face: str,
    audio: str,
    output: str,
    model: str | None = None,
    overrides: Overrides | None = None,
) -> GenerateSummary:
    """Dub a video with a trained model.

    Args:
        checkpoint: a run's folder or a .pth file, ours or an original project's.
        face: video or image.
        audio: sound file, or a video whose sound is used.
        output: mp4 file to write.
        model: the catalog row; needed for checkpoints of original projects only.
        overrides: device, precision, detector and other keys that differ from the checkpoint's.

    Raises:
        UserError: something given is missing or does not fit.
    """
    for flag, path in (("face", face), ("audio", audio)):
        if not user_path(path).is_file():
            raise MediaError(f"--{flag}={path}: no such file")
    with Dubber.from_checkpoint(checkpoint, model=model, overrides=overrides) as dubber:
        return dubber.write(face, audio, output, progress=dubber.config.run.show_progress)


def judge_checkpoint(
    checkpoint: str, *, model: str | None, dataset: str | None, overrides: Overrides
) -> Judgement | Examination:
    """The evaluation of given weights, on the data they were trained on or on others.

    Raises:
        CheckpointError: missing, damaged, of another model, or of an original project and no dataset is given.
        UserError: the model draws no faces, or the configuration does not fit.
    """
    path = checkpoint_file(checkpoint)
    choice = None if dataset is None else choose_dataset(dataset, overrides)
    trained = load_trained(path, model=model, dataset=choice, overrides=overrides)
    if trained.header is None and dataset is None:
        raise CheckpointError(f"{path}: does not say what it was trained on; give --dataset to measure it on")
    return _judgement(trained)


def judge_trained(model: str, dataset: str, overrides: Overrides) -> Judgement | Examination:
    """The evaluation of what `train` made with this configuration, else of the newest weights there are.

    Raises:
        CheckpointError: nothing has been trained.
    """
    choice = choose_dataset(dataset, overrides)
    part = make_part(model, choice, overrides)
    path = _trained_path(part)
    return _judgement(load_trained(path, model=model, dataset=choice, overrides=overrides))


def _judgement(trained: Trained) -> Judgement | Examination:
    if trained.row.examine is not None:
        return Examination(config=trained.config, load=lambda: trained)
    return Judgement(dataset=trained.dataset, overrides=trained.overrides, config=trained.config, load=lambda: trained)


def _trained_path(part: Part) -> Path:
    choice = choose_run(part)
    if choice.run is not None and choice.finished:
        return checkpoint_file(str(choice.run.path))
    weights = find_weights(part)
    if weights.path is None:
        raise CheckpointError(f"{weights.reason}; train it first, or give --checkpoint")
    return weights.path
