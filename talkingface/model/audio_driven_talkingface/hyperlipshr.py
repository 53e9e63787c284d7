"""HyperLipsHR (Chen et al. 2023, arXiv 2310.05720, section 3.3): base face and sketch, drawn sharp and large."""

# B batch, T frames, C channels, H/W pixels, S side of the faces that are drawn, s of those the Base draws

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from talkingface.batch import GT_IMG, HYPER_IMG, HYPER_SIZE, HYPER_SKETCH
from talkingface.config.schema import Config
from talkingface.model.audio_driven_talkingface.hyperlipsbase import HyperLipsBase
from talkingface.model.audio_driven_talkingface.hyperlipshr_config import HyperLipsHRConfig
from talkingface.model.base import AbstractTalkingFace, recipe
from talkingface.model.layers.hr_decoder import HRDecoder, HRDecoder_disc_qual
from talkingface.model.losses import l1_loss
from talkingface.utils.face.sketch import sketch_faces

__all__ = ["HRDecoder", "HRDecoder_disc_qual", "HyperLipsHR", "HyperLipsHRConfig"]


class HyperLipsHR(AbstractTalkingFace):
    """A frozen HyperLipsBase, sketches of its faces, and the decoder that is trained.

    The Base is part of the weights, so that one file dubs. The decoder alone is what original checkpoints hold.
    """

    config: HyperLipsHRConfig

    def __init__(self, config: Config | HyperLipsHRConfig | None = None) -> None:
        super().__init__(recipe(config, HyperLipsHRConfig))
        self.base = HyperLipsBase().eval().requires_grad_(False)
        self.decoder = HRDecoder(self.config.img_size // HYPER_SIZE)
        if self.config.initial_decoder == "enlargement":
            self.decoder.start_as_enlargement()
        self.best_detail: Tensor
        self.register_buffer("best_detail", torch.ones(()))  # see the configuration's `detail`

    @property
    def first_stage(self) -> HyperLipsBase:
        """Draws the faces that are refined."""
        return self.base

    @property
    def sketch_reach(self) -> int:
        """Frames on either side over which a sketch's landmarks are averaged."""
        return self.config.landmark_smoothing

    @property
    def widens_sketches(self) -> bool:
        """Whether sketches are widened when generating, as they are in training."""
        return self.config.inference_sketch == "training"

    def train(self, mode: bool = True) -> Self:
        """Training mode is the decoder's: the frozen Base's batch statistics must not drift."""
        super().train(mode)
        self.base.eval()
        return self

    def refine(self, batch: Mapping[str, Tensor]) -> Tensor:
        """`hyper_img` and `hyper_sketch`, each (B, 3, 128, 128) in [0, 1], to faces (B, 3, S, S) in (0, 1)."""
        drawn = self.decode(batch)
        share = self.best_detail if self.config.detail is None else self.config.detail
        if self.training or self.config.detail == 1:
            return drawn
        return torch.lerp(enlarge(batch[HYPER_IMG], drawn.shape[-1]), drawn.float(), share)

    def decode(self, batch: Mapping[str, Tensor]) -> Tensor:
        """The same with all of the decoder's detail."""
        drawn: Tensor = self.decoder(torch.cat([batch[HYPER_IMG], batch[HYPER_SKETCH]], dim=1))
        return drawn

    def infer(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Refined faces, (B, 3, S, S): of `hyper_img` where the batch has it, else of the Base's own drawing.

        Without `hyper_img`, single frames (B, 6, s, s) are taken as consecutive ones of a clip, and windows
        (B, 6, T, s, s), which give (B, 3, T, S, S), as short clips.
        """
        if HYPER_IMG in batch:
            return self.refine(batch)
        drawn = self.base.predict(batch)
        if drawn.dim() == 4:
            return self.refine(self._sketched([drawn]))
        refined = self.refine(self._sketched(list(drawn.transpose(1, 2))))  # sample after sample
        return refined.unflatten(0, drawn.shape[0:1] + drawn.shape[2:3]).transpose(1, 2)

    def calculate_loss(self, batch: Mapping[str, Tensor], valid: bool = False) -> dict[str, Tensor]:
        """Pixels only, `l1` and the same as `loss`; the other terms need the trainer's parts."""
        loss = l1_loss(self.infer(batch), batch[GT_IMG])
        return {"l1": loss, "loss": loss}

    def _sketched(self, clips: list[Tensor]) -> dict[str, Tensor]:
        """Faces of some clips, (T, 3, s, s) each in [0, 1], one after another with their sketches."""
        from talkingface.utils.face.crop_mesh import CropMesh

        faces, sketches = [], []
        with CropMesh() as mesh:
            for clip in clips:
                for one in sketch_faces(
                    ((None, face) for face in _to_pictures(clip)),
                    mesh,
                    side=HYPER_SIZE,
                    reach=self.sketch_reach,
                    widen=self.widens_sketches,
                ):
                    faces.append(one.face)
                    sketches.append(one.sketch)
        device = clips[0].device
        pixels = torch.from_numpy(np.stack(faces)).to(device).permute(0, 3, 1, 2).float().div_(255)
        lines = torch.from_numpy(np.stack(sketches)).to(device)[:, None].float().div_(255)
        return {HYPER_IMG: pixels, HYPER_SKETCH: lines.expand(-1, 3, -1, -1)}


def enlarge(faces: Tensor, side: int) -> Tensor:
    """Faces (B, 3, s, s) in [0, 1] to (B, 3, side, side) float32 in [0, 1], bicubically."""
    if faces.shape[-1] == side:
        return faces.float()
    return F.interpolate(faces.float(), (side, side), mode="bicubic", align_corners=False).clamp(0, 1)


def _to_pictures(faces: Tensor) -> NDArray[np.uint8]:
    """(T, 3, s, s) in [0, 1] to uint8 (T, s, s, 3)."""
    return faces.mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
