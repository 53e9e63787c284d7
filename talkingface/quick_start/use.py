"""What starts from trained weights: dubbing a video, measuring on a test list."""

from __future__ import annotations

from talkingface.config.loader import Overrides
from talkingface.generate import Dubber, GenerateSummary
from talkingface.generate.files import user_path
from talkingface.utils.errors import MediaError


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
