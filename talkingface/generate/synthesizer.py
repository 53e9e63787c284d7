"""From followed frames and the sound to drawn faces: crops and mel windows, then the model's calls, in batches.

A generator draws a face from its crop, whose lower half it does not see, from a reference of the same person, and
from the sound. A model with a decoder (HyperLipsHR) draws it again, larger, from what its Base drew and a sketch of
that. Dubbing draws with this, and so does training where it shows a clip.
"""

# B faces of a call, C channels, s side of the crops, S side of the drawn faces, M mel bins (80), n mel steps

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talkingface.batch import HYPER_IMG, HYPER_SIZE, HYPER_SKETCH, INDIV_MELS, INPUT_FRAMES
from talkingface.generate.dubbing import Box, DubbingSettings, Picture
from talkingface.pictures import input_frames, sketches_to_tensor, to_pictures, to_tensor
from talkingface.timing import face_mel_starts
from talkingface.utils.device import autocast
from talkingface.utils.face.crop import crop
from talkingface.utils.face.follow import FollowedFrame
from talkingface.utils.face.sketch import Mesh, sketch_faces
from talkingface.utils.media.mel import HOP, MEL_STEPS, SAMPLE_RATE, mel_window, melspectrogram

T = TypeVar("T")
Mel = NDArray[np.float32]
"""(M, 16 and the model's context): the window of one face."""
Samples = NDArray[np.float32]
"""(n,) mono at 16 kHz."""
BLANK = 12
"""Grey levels, of 255, by which the pixels of a picture of one colour differ at most."""


def cut_faces(
    followed: Iterable[FollowedFrame], samples: Samples, fps: float, settings: DubbingSettings
) -> Iterator[tuple[tuple[FollowedFrame, Box | None], Picture | None, Mel]]:
    """Yield each frame with its padded box, its crop, and its window of the mel; no box and no crop without a face.

    Args:
        followed: frames of the output, from the first one on.
        samples: the sound; one that is shorter than a window is followed by silence.
        fps: rate of the output.
        settings: padding of boxes, size of crops, ends and timing of the mel.
    """
    shortest = MEL_STEPS * HOP
    heard = np.pad(samples, (0, max(0, shortest - len(samples))))
    mel = melspectrogram(heard, settings.mel_pad_mode)
    for number, one in enumerate(followed):
        (start,) = face_mel_starts([number], fps, steps=mel.shape[1], timing=settings.mel_timing)
        window = mel_window(mel, start, context=settings.mel_context)
        box = None if one.box is None else one.crop_box(settings.pads)
        if box is None or (not one.found and is_blank(one.frame, box)):
            yield (one, None), None, window
        else:
            yield (one, box), crop(one.frame, box, settings.input_size), window


def is_blank(frame: Picture, box: Box) -> bool:
    """Whether a frame shows one colour where a face should be, as the black frames of a damaged video do."""
    x1, y1, x2, y2 = box
    return int(np.ptp(frame[y1:y2, x1:x2], axis=(0, 1)).max()) <= BLANK


def frame_count(samples: Samples, fps: float) -> int:
    """Frames of a video that is as long as the sound, 1 at least."""
    return max(1, round(len(samples) / SAMPLE_RATE * fps))


class Predictor(Protocol):
    """What drawing needs of a model, which minds its own evaluation mode."""

    def predict(self, batch: dict[str, Tensor]) -> Tensor:
        """`input_frames` (B, 6, s, s) and `indiv_mels` (B, 1, M, 16) to faces (B, 3, s, s) in [0, 1]."""


@runtime_checkable
class DecoderModel(Protocol):
    """A model whose `predict` draws faces (B, 3, S, S) from `hyper_img` and `hyper_sketch`."""

    @property
    def base(self) -> Predictor:
        """Draws the faces that are sketched."""

    @property
    def sketch_reach(self) -> int:
        """Frames on either side over which a sketch's landmarks are averaged."""

    @property
    def widens_sketches(self) -> bool:
        """Whether sketches are widened as for training."""


@dataclass(frozen=True, kw_only=True)
class Drawn(Generic[T]):
    """What was drawn for one item of the stream."""

    item: T
    face: Picture | None
    """(S, S, 3); None where there was no crop."""
    base_face: Picture | None = None
    """(s, s, 3): what the Base drew, of models with a decoder."""
    mesh_found: bool = True
    """False where the sketch had to be that of the nearest frame in which the face mesh was found."""


class Synthesizer:
    """Draws the faces of one person's stream of frames.

    Args:
        model: on `device`.
        device: where the model is.
        precision: `fp32`, `bf16`, or `auto` (bf16 on CUDA).
        batch_size: faces in one call of the model.
        mesh: finds the landmarks that sketches are drawn from; needed by models with a decoder.
        reference: (s, s, 3), the face whose identity is kept; None takes the first face of the stream.
    """

    def __init__(
        self,
        model: Predictor,
        *,
        device: torch.device,
        precision: str = "fp32",
        batch_size: int = 16,
        mesh: Mesh | None = None,
        reference: Picture | None = None,
    ) -> None:
        self.model, self.device, self.precision, self.batch_size = model, device, precision, batch_size
        self.mesh, self.reference = mesh, reference

    def draw(self, stream: Iterable[tuple[T, Picture | None, Mel]]) -> Iterator[Drawn[T]]:
        """Draw a stream of consecutive frames: anything, the face's crop if there is one, and the sound's window.

        Order and number stay; a model with a decoder waits for some more frames, over which sketches are steadied.
        """
        if isinstance(self.model, DecoderModel):
            yield from self._refine(self._draw(self.model.base, stream), self.model)
        else:
            yield from self._draw(self.model, stream)

    def _draw(self, generator: Predictor, stream: Iterable[tuple[T, Picture | None, Mel]]) -> Iterator[Drawn[T]]:
        stream = iter(stream)
        while held := list(islice(stream, self.batch_size)):
            crops = [face for _, face, _ in held if face is not None]
            mels = [mel for _, face, mel in held if face is not None]
            faces = iter(self._generate(generator, np.stack(crops), np.stack(mels)) if crops else ())
            for item, face, _ in held:
                yield Drawn(item=item, face=None if face is None else next(faces))

    def _generate(self, generator: Predictor, crops: NDArray[np.uint8], mels: NDArray[np.float32]) -> Iterable[Picture]:
        """(B, s, s, 3) and (B, M, 16) to faces (B, s, s, 3): one call of the network."""
        if self.reference is None:
            self.reference = crops[0].copy()
        with self._inference():
            frames = input_frames(crops, self.reference[None], self.device)
            indiv_mels = torch.from_numpy(mels)[:, None].to(self.device)
            return to_pictures(generator.predict({INPUT_FRAMES: frames, INDIV_MELS: indiv_mels}))

    def _refine(self, drawn: Iterable[Drawn[T]], model: DecoderModel) -> Iterator[Drawn[T]]:
        """Sketch the Base's faces and draw them again; sketches are not steadied across frames without a face."""
        if self.mesh is None:
            raise ValueError("a model with a decoder needs a face mesh: Synthesizer(..., mesh=CropMesh())")
        for has_face, run in groupby(drawn, key=lambda one: one.face is not None):
            if not has_face:
                yield from run
                continue
            sketched = sketch_faces(
                ((one, one.face) for one in run if one.face is not None), self.mesh, side=HYPER_SIZE,
                reach=model.sketch_reach, widen=model.widens_sketches,
            )  # fmt: skip
            while held := list(islice(sketched, self.batch_size)):
                faces = self._decode(np.stack([one.face for one in held]), np.stack([one.sketch for one in held]))
                for one, face in zip(held, faces, strict=True):
                    base = one.item
                    yield Drawn(item=base.item, face=face, base_face=base.face, mesh_found=one.found)

    def _decode(self, faces: NDArray[np.uint8], sketches: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(B, 128, 128, 3) and (B, 128, 128) to faces (B, S, S, 3): one call of the decoder."""
        with self._inference():
            batch = {
                HYPER_IMG: to_tensor(faces, self.device),
                HYPER_SKETCH: sketches_to_tensor(sketches, self.device),
            }
            return to_pictures(self.model.predict(batch))

    @contextmanager
    def _inference(self) -> Iterator[None]:
        with torch.inference_mode(), autocast(self.device, self.precision):
            yield
