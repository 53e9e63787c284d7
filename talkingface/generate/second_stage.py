"""Models of two stages: the first stage's faces are sketched as they stream by, then drawn again by the second."""

# B faces of a call

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from talkingface.batch import HYPER_IMG, HYPER_SIZE, HYPER_SKETCH
from talkingface.generate.synthesizer import Predictor, Synthesizer
from talkingface.generate.tracker import TrackedFrame
from talkingface.utils.device import autocast
from talkingface.utils.face.second_stage import Sketched, sketch_faces

Face = tuple[TrackedFrame, np.ndarray]


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

    frame: TrackedFrame
    face: np.ndarray | None
    """uint8 (S, S, 3) BGR; None where no face was found."""
    first: np.ndarray | None = None
    """The first stage's face, uint8 (s, s, 3) BGR, of models that have two."""
    mesh_found: bool = True
    """False where a sketch had to be that of the nearest frame that has one."""


def draw_faces(model: Predictor, synthesizer: Synthesizer, tracked: Iterable[TrackedFrame]) -> Iterator[DrawnFace]:
    """Draw a stream of frames by a model of one or two stages; order and number of frames stay."""
    drawn = synthesizer.draw(tracked)
    if not isinstance(model, TwoStages):
        yield from (DrawnFace(frame=frame, face=face) for frame, face in drawn)
        return
    from talkingface.utils.face.crop_mesh import CropMesh

    with CropMesh() as mesh:
        for has_face, run in groupby(drawn, key=lambda one: one[1] is not None):
            if not has_face:
                yield from (DrawnFace(frame=frame, face=None) for frame, _ in run)
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
                    yield DrawnFace(frame=one.item[0], face=face, first=one.item[1], mesh_found=one.found)


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
