"""Where the result goes: checks on the output path, then the encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from talkingface.utils.errors import MediaError
from talkingface.utils.media.video import VideoWriter

SAMPLE_RATE = 16000


def check_output(output: str | Path, inputs: tuple[Path, ...]) -> Path:
    """Return the path to write, its folder made.

    Raises:
        MediaError: It is one of the inputs, a folder, or its name does not end in .mp4.
    """
    path = Path(output)
    if path.suffix.lower() != ".mp4":
        raise MediaError(f"output {path}: wanted a name that ends in .mp4")
    if path.is_dir():
        raise MediaError(f"output {path}: is a folder; wanted the name of a video file")
    if any(path.resolve() == one.resolve() for one in inputs):
        raise MediaError(f"output {path}: is also an input and would be overwritten; give another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MediaError(f"output {path}: its folder cannot be made ({error.strerror}); give another place") from error
    return path


def open_writer(path: Path, *, fps: float, samples: np.ndarray, crf: int) -> VideoWriter:
    """Return the encoder: H.264 and AAC in mp4, the sound starting with the first frame.

    Args:
        path: A checked output path.
        fps: Constant frame rate.
        samples: float32 mono at 16 kHz.
        crf: x264 quality, lower is better.
    """
    return VideoWriter(path, fps=fps, audio=samples, sample_rate=SAMPLE_RATE, crf=crf)
