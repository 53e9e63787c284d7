"""HyperLipsHR (Chen et al. 2023, arXiv 2310.05720, section 3.3): base face and sketch, drawn sharp and large."""

# B batch, C channels, H/W pixels, S side of the faces that are drawn

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from talkingface.batch import GT_IMG, HYPER_IMG, HYPER_SIZE, HYPER_SKETCH
from talkingface.config.schema import Config
from talkingface.model.audio_driven_talkingface.hyperlipsbase import HyperLipsBase
from talkingface.model.audio_driven_talkingface.hyperlipshr_config import HyperLipsHRConfig
from talkingface.model.base import AbstractTalkingFace, recipe
from talkingface.model.layers.hr_decoder import HRDecoder, HRDecoder_disc_qual
from talkingface.model.losses import l1_loss
from talkingface.utils.errors import UserError

__all__ = ["HRDecoder", "HRDecoder_disc_qual", "HyperLipsHR", "HyperLipsHRConfig"]


class HyperLipsHR(AbstractTalkingFace):
    """A frozen HyperLipsBase and the decoder that draws the Base's faces again, led by sketches of them.

    The Base is part of the weights, so that one file dubs. The decoder alone is what original checkpoints hold. Between
    the two, faces are sketched from their landmarks, which no network here does: `infer` and `predict` are the
    decoder's, and `talkingface.generate.synthesizer.Synthesizer` goes the whole way.
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
    def compiled_parts(self) -> list[nn.Module]:
        """The decoder, which is all that trains; see trainer/placing.py."""
        return [self.decoder]

    @property
    def segments(self) -> list[nn.Module]:
        """The decoder's blocks; see trainer/placing.py."""
        return [*self.decoder.conv_base, *self.decoder.up_conv]

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
        """The same as `refine`, of a batch that has base faces and their sketches.

        Raises:
            UserError: it has not.
        """
        absent = [key for key in (HYPER_IMG, HYPER_SKETCH) if key not in batch]
        if absent:
            raise UserError(
                f"HyperLipsHR: the batch has no {' and no '.join(absent)}, got {', '.join(batch) or 'nothing'}; draw "
                "faces with model.base.predict and sketch them with talkingface.utils.face.sketch.sketch_faces, or let "
                "talkingface.generate.Dubber do both"
            )
        return self.refine(batch)

    def calculate_loss(self, batch: Mapping[str, Tensor], valid: bool = False) -> dict[str, Tensor]:
        """Pixels only, `l1` and the same as `loss`; the other terms need the trainer's parts."""
        loss = l1_loss(self.infer(batch), batch[GT_IMG])
        return {"l1": loss, "loss": loss}


def enlarge(faces: Tensor, side: int) -> Tensor:
    """Faces (B, 3, s, s) in [0, 1] to (B, 3, side, side) float32 in [0, 1], bicubically."""
    if faces.shape[-1] == side:
        return faces.float()
    return F.interpolate(faces.float(), (side, side), mode="bicubic", align_corners=False).clamp(0, 1)
