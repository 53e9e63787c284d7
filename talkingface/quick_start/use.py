"""What starts from trained weights: dubbing a video, measuring on a test list."""

from __future__ import annotations

from pathlib import Path

from talkingface.config.loader import Overrides
from talkingface.generate import GenerateSummary, generate
from talkingface.model.checkpoint import checkpoint_file
from talkingface.model.trained import load_trained
from talkingface.utils.device import pick_device
from talkingface.utils.errors import MediaError, UserError
from talkingface.utils.face import make_detector


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
        if not Path(path).is_file():
            raise MediaError(f"--{flag}={path}: no such file")
    trained = load_trained(checkpoint_file(checkpoint), model=model, overrides=overrides)
    if not trained.row.makes_video:
        raise UserError(f"{checkpoint}: is of {trained.row.name}, which draws no faces; wanted a model that does")
    config = trained.config
    device = pick_device(config.run.device)
    with make_detector(config.dataset.face_detector, config.dataset.face_detector_weights) as detector:
        return generate(
            trained.network.to(device),
            face=face,
            audio=audio,
            output=output,
            detector=detector,
            img_size=config.model.input_size,
            mel_pad_mode=config.model.mel_pad_mode,
            device=device,
            precision=config.run.precision,
            pads=config.dataset.crop_pads,
            batch_size=config.model.evaluate_batch_size,
            box_smoothing=config.dataset.box_smoothing,
            progress=config.run.show_progress,
        )
