"""LPIPS (Zhang et al. 2018, VGG16, version 0.1): distance of what a network sees in generated and real crops."""

# B batch

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from talkingface.evaluator.base import ClipPair, Direction, Metric, Region
from talkingface.evaluator.regions import REGIONS, SPARSE, frames_of
from talkingface.model.losses.backbones import LPIPS_HEADS, VGG16, load_lpips
from talkingface.utils.weights import WeightsFile

BATCH = 8


class LPIPS(Metric):
    """LPIPS by VGG16 with the published heads on the face crop, mean over every fifth frame."""

    name, title, unit, metric_type = "lpips", "LPIPS", "", "image"
    smaller: ClassVar[bool] = True
    best: ClassVar[Direction] = "lower"
    perfect = 0.0
    needs: ClassVar[tuple[WeightsFile, ...]] = (VGG16, LPIPS_HEADS)
    region: ClassVar[Region] = "face"

    @torch.inference_mode()
    def calculate_metric(self, pair: ClipPair) -> float:
        """Return a distance, 0 for equal pictures."""
        network = pair.judges.network(load_lpips, *self.needs)
        frames, total = frames_of(pair, SPARSE), 0.0
        for first in range(0, len(frames), BATCH):
            numbers = frames[first : first + BATCH]
            made, real = (self._batch(video.crops[numbers], pair) for video in (pair.generated, pair.real))
            total += float(network(made, real)) * len(numbers)
        return total / len(frames) if len(frames) else float("nan")

    def _batch(self, crops: np.ndarray, pair: ClipPair) -> Tensor:
        """uint8 (B, S, S, 3) to float (B, 3, h, w) in [0, 1], BGR as the network here wants it."""
        cut = np.stack([REGIONS[self.region](one) for one in crops])
        return torch.from_numpy(cut).to(pair.judges.device).permute(0, 3, 1, 2).float() / 255


class LPIPSMouth(LPIPS):
    """LPIPS by VGG16 on the mouth: lower half, middle half of the width, mean over every fifth frame."""

    name, title = "lpips_mouth", "LPIPS mouth"
    region: ClassVar[Region] = "mouth"
