"""`generate --dry-run`: everything that can be found wrong before a frame is drawn, and what would be written."""

from __future__ import annotations

from talkingface.chain.stage import Look, line
from talkingface.config.loader import Overrides
from talkingface.generate.dubbing import DubbingSettings
from talkingface.generate.files import FaceSource, check_output, open_face, read_sound, user_path
from talkingface.generate.synthesizer import frame_count
from talkingface.model.checkpoint import checkpoint_file
from talkingface.model.trained import Trained, load_trained
from talkingface.utils.device import arithmetic, pick_device
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
    device = pick_device(trained.config.run.device)
    settings = DubbingSettings.of(trained.config)
    source, samples = open_face(face), read_sound(audio)
    path = check_output(output, (face, audio))
    count = frame_count(samples, source.fps)
    plan = f"{path}{' (replaces the one that is there)' if path.exists() else ''}, {count} frames at {source.fps:g} fps"
    frames = "a still image" if source.still else f"about {source.length} frames at {source.fps:g} fps"
    return [
        f"checkpoint: {trained.path}, {_origin(trained)}",
        f"device: {device}, {arithmetic(device, settings.precision)}",
        f"face: {face}, {frames}; {_first_face(source, settings)}",
        f"sound: {audio}, {len(samples) / SAMPLE_RATE:.2f} s",
        line(1, 1, "generate", Look(True, plan + _beyond(source, count, settings.loop))),
    ]


def _origin(trained: Trained) -> str:
    if trained.header is None:
        return f"{trained.row.name} of another project"
    return f"{trained.row.name} after {trained.header.step} steps on {trained.header.config['dataset_name']}"


def _first_face(source: FaceSource, settings: DubbingSettings) -> str:
    """What the detector finds in the first frame; later frames may differ, so nothing is refused."""
    _, frame = next(source.frames(1))
    height, width = frame.shape[:2]
    with make_detector(settings.face_detector, settings.face_detector_weights) as detector:
        found = detector.detect(frame)
    if found is None:
        return f"{width}x{height} pixels, warning: no face is found in the first frame"
    left, top, right, bottom = found.box
    return f"{width}x{height} pixels, a face of {right - left:.0f}x{bottom - top:.0f} in the first frame"


def _beyond(source: FaceSource, count: int, loop: str) -> str:
    if source.still or count <= source.length:
        return ""
    how = "played backwards and forwards" if loop == "bounce" else "played again"
    return f"; the sound is longer than the video, which is {how} (loop={loop})"
