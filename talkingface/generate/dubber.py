"""`generate`: a face video or image and a sound to a dubbed video, streaming.

Work ahead in a thread: the next frames are decoded and tracked while the model draws the last ones.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import torch
from tqdm import tqdm

from talkingface.generate.files import SAMPLE_RATE, FaceSource, Loop, check_output, open_face, open_writer
from talkingface.generate.paste import PasteOptions, paste
from talkingface.generate.synthesizer import (
    MEL_STEPS,
    MELS_PER_SECOND,
    DrawnFace,
    MelTiming,
    Predictor,
    Synthesizer,
    draw_faces,
    first_stage,
)
from talkingface.utils.errors import MediaError
from talkingface.utils.face import Face, FaceDetector
from talkingface.utils.face.follow import FaceRecord, FollowedFrame, Pads, follow_face
from talkingface.utils.media.audio import read_audio
from talkingface.utils.media.mel import melspectrogram

PadMode = Literal["constant", "reflect"]


@dataclass(frozen=True, kw_only=True)
class GenerateSummary:
    """What was written."""

    frames: int
    """Frames of the output."""
    faces_missing: int
    """Frames in which no face was found; they are the input's own."""
    meshes_missing: int
    """Frames whose sketch is that of the nearest frame with a face mesh, of models that sketch."""
    fps: float
    """Frame rate of the output."""
    seconds: float
    """Length of the output."""
    elapsed: float
    """Seconds that it took."""


def generate(
    model: Predictor,
    *,
    face: str | Path,
    audio: str | Path,
    output: str | Path,
    detector: FaceDetector | None = None,
    faces: FaceRecord | None = None,
    img_size: int,
    mel_pad_mode: PadMode = "constant",
    device: torch.device | str = "cpu",
    precision: str = "auto",
    pads: Pads = (0, 0, 0, 0),
    batch_size: int = 16,
    box_smoothing: int = 5,
    loop: Loop = "bounce",
    mel_timing: MelTiming = "training",
    paste_options: PasteOptions | None = None,
    crf: int = 18,
    progress: bool = False,
    watch: Callable[[DrawnFace], None] | None = None,
) -> GenerateSummary:
    """Write a video of `face` speaking `audio`, as long as the sound, at the face video's frame rate.

    Args:
        model: Already on `device`.
        face: Video or still image.
        audio: Sound file, or a video whose sound is used.
        output: mp4 file to write; its folder is made.
        detector: Finds the face; not closed here.
        faces: The faces of the video's frames where they are known; the detector is then not asked.
        img_size: Side of the square crop that the model reads.
        mel_pad_mode: `constant` or `reflect`, as the model was trained.
        device: Where the model is.
        precision: `fp32`, `bf16`, or `auto` (bf16 where the device is fast at it).
        pads: Pixels added to the box: top, bottom, left, right. None by default, as at preparation: the box of the
            face mesh reaches below the chin already. The published inference adds 10 below S3FD's box.
        batch_size: Faces in one call of the model.
        box_smoothing: Frames over which boxes are averaged.
        loop: What a video does when the sound is longer.
        mel_timing: `training` (default) or the `published` offset, one frame later.
        paste_options: Feathering and colours.
        crf: x264 quality.
        progress: Show a bar.
        watch: Is shown every frame with what was drawn for it, before that is pasted.

    Raises:
        MediaError: A file is missing or unreadable, the sound is empty, no face is in the whole video, or the output
            cannot be written.
    """
    began = time.monotonic()
    source = open_face(face)
    if not Path(audio).is_file():
        raise MediaError(f"audio {audio}: no such file; wanted a sound file or a video with sound")
    path = check_output(output, (source.path, Path(audio)))
    samples = read_audio(Path(audio), SAMPLE_RATE)
    if len(samples) == 0:
        raise MediaError(f"audio {audio}: holds no sound; wanted at least one video frame's length")
    count = max(1, round(len(samples) / SAMPLE_RATE * source.fps))
    device = torch.device(device)
    synthesizer = Synthesizer(
        model=first_stage(model), mel=_mel(samples, mel_pad_mode), fps=source.fps, img_size=img_size, device=device,
        precision=precision, pads=pads, batch_size=batch_size, mel_timing=mel_timing,
    )  # fmt: skip
    missing = meshes_missing = 0

    def find(number: int, frame: np.ndarray) -> Face | None:
        if faces is not None:
            return faces.recall(number, frame)
        assert detector is not None, "faces or who finds them"
        return detector.detect(frame)

    if detector is not None:
        detector.reset()
    followed = follow_face(source.frames(count, loop), find, window=box_smoothing)
    followed = (replace(one, box=None) if _is_blank(one, pads) else one for one in followed)
    with (
        closing(ahead(followed, batch_size)) as frames,
        open_writer(path, fps=source.fps, samples=samples, crf=crf) as writer,
        tqdm(total=count, unit="frame", desc=path.name, disable=not progress) as bar,
    ):
        for done, drawn in enumerate(draw_faces(model, synthesizer, frames), 1):
            one = drawn.frame
            meshes_missing += not drawn.mesh_found
            if watch is not None:
                watch(drawn)
            if drawn.box is None or drawn.face is None:
                missing += 1
                if missing == done == min(count, source.length):  # a whole pass without a face
                    raise MediaError(_no_face(source, missing))
                writer.write(one.frame)
            else:
                writer.write(paste(one.frame, drawn.face, drawn.box, landmarks=one.landmarks, options=paste_options))
            bar.update()
    return GenerateSummary(
        frames=count, faces_missing=missing, meshes_missing=meshes_missing, fps=source.fps,
        seconds=count / source.fps, elapsed=time.monotonic() - began,
    )  # fmt: skip


def _mel(samples: np.ndarray, pad_mode: PadMode) -> np.ndarray:
    """Return the sound's mel, float32 (80, n) with n >= 16: sounds shorter than one window are followed by silence."""
    shortest = MEL_STEPS * SAMPLE_RATE // MELS_PER_SECOND
    if len(samples) < shortest:
        samples = np.pad(samples, (0, shortest - len(samples)))
    return melspectrogram(samples, pad_mode)


BLANK = 12
"""Grey levels, of 255, by which the pixels of a picture of one colour differ at most."""


def _is_blank(one: FollowedFrame, pads: Pads) -> bool:
    """Whether a frame in which no face was found shows one colour where it should be, as black frames do."""
    if one.found or one.box is None:
        return False
    x1, y1, x2, y2 = one.crop_box(pads)
    return int(np.ptp(one.frame[y1:y2, x1:x2], axis=(0, 1)).max()) <= BLANK


def _no_face(source: FaceSource, count: int) -> str:
    what = "the image" if source.still else f"any of {count} frames"
    return f"face {source.path}: no face was found in {what}; wanted one clearly visible face, at least 48 pixels wide"


T = TypeVar("T")
_POLL_SECONDS = 0.2


def ahead(items: Iterable[T], depth: int) -> Generator[T, None, None]:
    """Yield the items, which a thread takes from their source up to `depth` in advance.

    What the source raises is raised here, in its place. Closing the generator ends the thread.
    """
    waiting: queue.Queue[tuple[str, T | BaseException | None]] = queue.Queue(max(depth, 1))
    stop = threading.Event()

    def put(kind: str, value: T | BaseException | None) -> None:
        while not stop.is_set():
            try:
                waiting.put((kind, value), timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for item in items:
                put("item", item)
                if stop.is_set():
                    return
            put("end", None)
        except BaseException as error:
            put("error", error)

    thread = threading.Thread(target=work, name="ahead", daemon=True)
    thread.start()
    try:
        while True:
            kind, value = waiting.get()
            if kind == "end":
                return
            if kind == "error":
                assert isinstance(value, BaseException)
                raise value
            yield value  # type: ignore[misc]
    finally:
        stop.set()
        thread.join()
