"""From tracked frames and the sound's mel to drawn faces: mel chunks, batches, the model's call.

Models of two stages: the first stage's faces are sketched as they stream by, then drawn again by the second.
"""

# B batch, C channels, H/W pixels, M mel bins (80), S mel steps (16)
# B faces of a call

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from talkingface.batch import HYPER_IMG, HYPER_SIZE, HYPER_SKETCH, INDIV_MELS, INPUT_FRAMES, mask_lower_half
from talkingface.utils.device import autocast
from talkingface.utils.face.crop import crop
from talkingface.utils.face.follow import FollowedFrame, Pads
from talkingface.utils.face.sketch import Sketched, sketch_faces

MEL_STEPS = 16
MELS_PER_SECOND = 80
TRAINING_FPS = 25
MelTiming = Literal["training", "published"]
"""`training`: a frame's mel starts one frame of 25 fps before it, as in training. `published`: it starts with it."""


class Predictor(Protocol):
    """What generation needs of a model, which minds its own evaluation mode."""

    def predict(self, batch: dict[str, Tensor]) -> Tensor:
        """Input frames (B, 6, H, W) and mels (B, 1, M, S) to faces (B, 3, H, W) in [0, 1]."""


def mel_chunk_start(frame: int, *, fps: float, length: int, timing: MelTiming = "training") -> int:
    """Return the first mel step of the window for output frame `frame`, inside [0, length - 16].

    Args:
        frame: 0-based output frame.
        fps: Output frames a second.
        length: Mel steps of the whole sound.
        timing: See `MelTiming`.
    """
    ahead = fps / TRAINING_FPS if timing == "training" else 0.0
    start = math.floor(MELS_PER_SECOND * (frame - ahead) / fps)
    return min(max(start, 0), max(length - MEL_STEPS, 0))


@dataclass(kw_only=True)
class Synthesizer:
    """Draws the faces of a stream of frames; the first face found is the identity reference of all."""

    model: Predictor
    mel: np.ndarray
    """float32 (M, n), n >= 16: the whole sound."""
    fps: float
    img_size: int
    device: torch.device
    precision: str = "fp32"
    pads: Pads = (0, 0, 0, 0)
    batch_size: int = 16
    mel_timing: MelTiming = "training"
    _reference: np.ndarray | None = field(default=None, init=False)

    def draw(self, followed: Iterable[FollowedFrame]) -> Iterator[tuple[FollowedFrame, np.ndarray | None]]:
        """Yield each frame with its drawn face, uint8 (img_size, img_size, 3) BGR, or None where there is no face."""
        stream = iter(enumerate(followed))
        while held := list(islice(stream, self.batch_size)):
            with_face = [(number, one) for number, one in held if one.box is not None]
            drawn = iter(self._predict(with_face)) if with_face else iter(())
            for _, one in held:
                yield one, (None if one.box is None else next(drawn))

    def _predict(self, items: list[tuple[int, FollowedFrame]]) -> np.ndarray:
        """Return uint8 (B, H, W, 3) BGR faces for frames that have a box."""
        crops = np.stack([crop(one.frame, one.crop_box(self.pads), self.img_size) for _, one in items])
        if self._reference is None:
            self._reference = crops[0].copy()
        mels = np.stack([self._mel_chunk(number) for number, _ in items])
        with torch.inference_mode(), autocast(self.device, self.precision):
            target = self._to_network(crops)
            reference = self._to_network(self._reference[None]).expand_as(target)
            frames = torch.cat([mask_lower_half(target), reference], dim=1)
            indiv_mels = torch.from_numpy(mels)[:, None].to(self.device)
            faces = self.model.predict({INPUT_FRAMES: frames, INDIV_MELS: indiv_mels})
            # BCHW float to BHWC uint8, still on the device: a quarter of the bytes to copy back
            pixels = faces.float().clamp(0, 1).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1)
        return pixels.cpu().numpy()

    def _mel_chunk(self, number: int) -> np.ndarray:
        start = mel_chunk_start(number, fps=self.fps, length=self.mel.shape[1], timing=self.mel_timing)
        return self.mel[:, start : start + MEL_STEPS]

    def _to_network(self, faces: np.ndarray) -> Tensor:
        """uint8 (B, H, W, 3) to float (B, 3, H, W) in [0, 1] on the device."""
        return torch.from_numpy(faces).to(self.device).permute(0, 3, 1, 2).float().div_(255).contiguous()


Face = tuple[FollowedFrame, np.ndarray]


@runtime_checkable
class TwoStages(Protocol):
    """What generation needs of such a model, besides `predict` on `hyper_img` and `hyper_sketch`."""

    @property
    def first_stage(self) -> Predictor:
        """Draws the faces that are sketched."""

    @property
    def sketch_reach(self) -> int:
        """Frames on either side over which a sketch's landmarks are averaged."""

    @property
    def widens_sketches(self) -> bool:
        """Whether sketches are widened as for training."""


@dataclass(frozen=True, kw_only=True)
class DrawnFace:
    """A frame and what was drawn for it."""

    frame: FollowedFrame
    box: np.ndarray | None
    """int (4,) x1, y1, x2, y2: where the face was cut out, padded and inside the frame; None where there is none."""
    face: np.ndarray | None
    """uint8 (S, S, 3) BGR; None where no face was found."""
    first: np.ndarray | None = None
    """The first stage's face, uint8 (s, s, 3) BGR, of models that have two."""
    mesh_found: bool = True
    """False where a sketch had to be that of the nearest frame that has one."""


def draw_faces(model: Predictor, synthesizer: Synthesizer, followed: Iterable[FollowedFrame]) -> Iterator[DrawnFace]:
    """Draw a stream of frames by a model of one or two stages; order and number of frames stay."""
    drawn = synthesizer.draw(followed)
    if not isinstance(model, TwoStages):
        for frame, face in drawn:
            yield DrawnFace(frame=frame, box=None if face is None else frame.crop_box(synthesizer.pads), face=face)
        return
    from talkingface.utils.face.crop_mesh import CropMesh

    with CropMesh() as mesh:
        for has_face, run in groupby(drawn, key=lambda one: one[1] is not None):
            if not has_face:
                yield from (DrawnFace(frame=frame, box=None, face=None) for frame, _ in run)
                continue
            sketched = sketch_faces(
                (((frame, face), face) for frame, face in run if face is not None),
                mesh,
                side=HYPER_SIZE,
                reach=model.sketch_reach,
                widen=model.widens_sketches,
            )
            while held := list(islice(sketched, synthesizer.batch_size)):
                faces = refine(synthesizer, model, held)
                for one, face in zip(held, faces, strict=True):
                    frame, first = one.item
                    yield DrawnFace(
                        frame=frame, box=frame.crop_box(synthesizer.pads), face=face, first=first, mesh_found=one.found
                    )


def first_stage(model: Predictor) -> Predictor:
    """What the synthesizer draws with."""
    return model.first_stage if isinstance(model, TwoStages) else model


def refine(synthesizer: Synthesizer, model: Predictor, held: list[Sketched[Face]]) -> np.ndarray:
    """uint8 (B, S, S, 3) BGR faces of the second stage."""
    device = synthesizer.device
    with torch.inference_mode(), autocast(device, synthesizer.precision):
        faces = torch.from_numpy(np.stack([one.face for one in held])).to(device).permute(0, 3, 1, 2)
        sketches = torch.from_numpy(np.stack([one.sketch for one in held])).to(device)[:, None].expand(-1, 3, -1, -1)
        batch: dict[str, Tensor] = {HYPER_IMG: faces.float().div_(255), HYPER_SKETCH: sketches.float() / 255}
        pixels = model.predict(batch).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1)
    return pixels.contiguous().cpu().numpy()
