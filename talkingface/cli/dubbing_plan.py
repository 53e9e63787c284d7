"""`generate --dry-run`: everything that can be found wrong before a frame is drawn, and what would be written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from talkingface.chain.stage import Look, line
from talkingface.config.loader import Overrides
from talkingface.generate.files import open_face, read_sound, user_path
from talkingface.generate.synthesizer import frame_count
from talkingface.model.checkpoint import checkpoint_file
from talkingface.model.trained import Trained, load_trained
from talkingface.utils.device import pick_device, uses_bf16
from talkingface.utils.errors import MediaError, UserError
from talkingface.utils.face import make_detector
from talkingface.utils.media.mel import SAMPLE_RATE


def plan_dubbing(
    checkpoint: str, *, face: str, audio: str, output: str, model: str | None = None, overrides: Overrides | None = None
) -> list[str]:
    """Look at all that `generate_video` takes, with the same arguments; writes nothing.

    Returns:
        Lines about checkpoint, device, face and sound, and the plan in the form of the other commands' plans.

    Raises:
        UserError: something is missing or does not fit, as `generate_video` would say.
    """
    for flag, given in (("face", face), ("audio", audio)):
        if not user_path(given).is_file():
            raise MediaError(f"--{flag}={given}: no such file")
    trained = load_trained(checkpoint_file(user_path(checkpoint)), model=model, overrides=overrides)
    if not trained.row.makes_video:
        raise UserError(f"{checkpoint}: is of {trained.row.name}, which draws no faces; wanted a model that does")
    run = trained.config.run
    device = pick_device(run.device)
    source, samples = open_face(face), read_sound(audio)
    seconds = len(samples) / SAMPLE_RATE
    where = _where(output, (face, audio))
    count = frame_count(samples, source.fps)
    frames = "a still image" if source.still else f"about {source.length} frames at {source.fps:g} fps"
    look = Look(True, f"{where}, {count} frames at {source.fps:g} fps{_beyond(source, count, run.loop)}")
    return [
        f"checkpoint: {trained.path}, {_origin(trained)}",
        f"device: {device}, {'bf16' if uses_bf16(device, run.precision) else 'fp32'}",
        f"face: {face}, {frames}; {_first_face(source, trained)}",
        f"sound: {audio}, {seconds:.2f} s",
        line(1, 1, "generate", look),
    ]


def _origin(trained: Trained) -> str:
    if trained.header is None:
        return f"{trained.row.name} of another project"
    return f"{trained.row.name} after {trained.header.step} steps on {trained.header.config['dataset_name']}"


def _first_face(source: Any, trained: Trained) -> str:
    """What the detector finds in the first frame; later frames may differ, so nothing is refused."""
    _, frame = next(iter(source.frames(1)))
    height, width = frame.shape[:2]
    data = trained.config.dataset
    with make_detector(data.face_detector, data.face_detector_weights) as detector:
        found = detector.detect(frame)
    if found is None:
        return f"{width}x{height} pixels, warning: no face is found in the first frame"
    left, top, right, bottom = found.box
    return f"{width}x{height} pixels, a face of {right - left:.0f}x{bottom - top:.0f} in the first frame"


def _beyond(source: Any, count: int, loop: str) -> str:
    if source.still or count <= source.length:
        return ""
    how = "played backwards and forwards" if loop == "bounce" else "played again"
    return f"; the sound is longer than the video, which is {how} (loop={loop})"


def _where(output: str, inputs: tuple[str, ...]) -> str:
    """The file that would be written, checked as far as that goes without making its folder."""
    path = Path(output)
    if path.suffix.lower() != ".mp4":
        raise MediaError(f"output {path}: wanted a name that ends in .mp4")
    if path.is_dir():
        raise MediaError(f"output {path}: is a folder; wanted the name of a video file")
    if any(path.resolve() == Path(one).resolve() for one in inputs):
        raise MediaError(f"output {path}: is also an input and would be overwritten; give another name")
    there = next(parent for parent in path.absolute().parents if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise MediaError(f"output {path}: {there} is no folder that can be written to; give another place")
    return f"{path} (replaces the one that is there)" if path.exists() else str(path)
