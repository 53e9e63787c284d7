"""What a `Dubber` goes by and what it gives: settings from the configuration, drawn frames, the summary of a video."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from talkingface.config.generating import Loop, MelTiming, Pads
from talkingface.config.schema import Config
from talkingface.generate.paste import PasteOptions
from talkingface.utils.face.follow import FollowedFrame
from talkingface.utils.files import digest
from talkingface.utils.media.mel import PadMode

Picture = NDArray[np.uint8]
"""(H, W, 3) BGR."""
Box = NDArray[np.int64]
"""(4,) x1, y1, x2, y2: padded and inside the frame."""


OF_THE_NETWORK = ("img_size", "detail", "landmark_smoothing", "inference_sketch")
"""Keys of a model's recipe, where it has them, by which its network draws otherwise with the same weights."""


@dataclass(frozen=True, kw_only=True)
class DubbingSettings:
    """How a face is followed, drawn, pasted and encoded."""

    input_size: int
    """Side of the square crops that the network reads, pixels."""
    mel_pad_mode: PadMode
    mel_timing: MelTiming
    mel_context: int
    """Mel steps that a face hears before and after its window of 16."""
    loop: Loop
    pads: Pads
    """Pixels added to the face box. At preparation none by default, as the box of the face mesh reaches below the chin
    already; the published inference adds 10 below S3FD's box."""
    box_smoothing: int
    face_detector: str
    face_detector_weights: str | None
    precision: str
    batch_size: int
    """Faces in one call of the network."""
    paste: PasteOptions
    crf: int
    network: tuple[tuple[str, object], ...] = ()
    """Keys and values that the network reads itself, see `OF_THE_NETWORK`."""

    @classmethod
    def of(cls, config: Config) -> DubbingSettings:
        """The settings of a configuration."""
        run, data, model = config.run, config.dataset, config.model
        return cls(
            input_size=model.input_size,
            mel_pad_mode=model.mel_pad_mode,
            mel_timing=run.mel_timing,
            mel_context=model.mel_context,
            loop=run.loop,
            pads=data.crop_pads if run.generate_pads is None else run.generate_pads,
            box_smoothing=data.box_smoothing,
            face_detector=data.face_detector,
            face_detector_weights=data.face_detector_weights,
            precision=run.precision,
            batch_size=run.generate_batch_size or model.evaluate_batch_size,
            paste=PasteOptions(
                feather=run.paste_feather, chin_room=run.paste_chin_room, match_colour=run.paste_match_colour
            ),
            crf=run.crf,
            network=tuple((key, getattr(model, key)) for key in OF_THE_NETWORK if hasattr(model, key)),
        )

    def mark(self) -> str:
        """A text that changes with everything but the weights and the files by which a dubbed video may differ.

        The size of batches does not count: it changes rounding at most.
        """
        return digest(repr(sorted((key, value) for key, value in asdict(self).items() if key != "batch_size")))


@dataclass(frozen=True, kw_only=True)
class DrawnFace:
    """A frame and the face that was drawn for it, before it is pasted."""

    frame: FollowedFrame
    box: Box | None
    """Where the face was cut out; None where there is none."""
    face: Picture | None
    """(S, S, 3) BGR; None where there is no face."""
    base_face: Picture | None = None
    """(s, s, 3) BGR: what the Base drew, of models with a decoder."""
    mesh_found: bool = True
    """False where the sketch is that of the nearest frame in which the face mesh was found."""


Watch = Callable[[DrawnFace], None]


@dataclass(frozen=True, kw_only=True)
class GenerateSummary:
    """What was written."""

    frames: int
    """Frames of the output."""
    faces_missing: int
    """Frames without a face; they are the input's own."""
    faces_bridged: int
    """Frames in which no face was found; it was drawn between where the frames before and after have it."""
    meshes_missing: int
    """Frames whose sketch is that of the nearest frame with a face mesh, of models that sketch."""
    fps: float
    """Frame rate of the output."""
    seconds: float
    """Length of the output."""
    elapsed: float
    """Seconds that it took."""


class Tally:
    """Counts the frames of a video by what became of their faces, and passes them on to `watch`."""

    def __init__(self, watch: Watch | None) -> None:
        self.watch = watch
        self.frames = self.faces_missing = self.faces_bridged = self.meshes_missing = 0

    def __call__(self, drawn: DrawnFace) -> None:
        """Count one frame."""
        self.frames += 1
        self.faces_missing += drawn.face is None
        self.faces_bridged += drawn.face is not None and not drawn.frame.found
        self.meshes_missing += not drawn.mesh_found
        if self.watch is not None:
            self.watch(drawn)

    def summary(self, *, fps: float, elapsed: float) -> GenerateSummary:
        """The counts of a video that has been written."""
        return GenerateSummary(
            frames=self.frames, faces_missing=self.faces_missing, faces_bridged=self.faces_bridged,
            meshes_missing=self.meshes_missing, fps=fps, seconds=self.frames / fps, elapsed=elapsed,
        )  # fmt: skip
