"""FID (Heusel et al. 2017): distance of two Gaussians fitted to Inception's features of real and generated crops.

It is one number for a set of clips. Each clip's features are kept beside its result, so a resumed evaluation does not
compute them again. The Inception network is the one that FID is defined by, TensorFlow's of 2015-12-05: torchvision's
Inception v3 with other pooling inside its blocks, without the classes; parameter names are those of the file
`pt_inception-2015-12-05-6726825d.pth`, which papers use through pytorch-fid and torch-fidelity.
"""

# K pictures, D features (2048), B batch, H/W pixels

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d
from torchvision.models import inception as blocks

from talkingface.evaluator.measured_video import MeasuredVideo
from talkingface.evaluator.metrics.base import (
    REGIONS,
    SPARSE,
    ClipPair,
    Direction,
    Region,
    SetMetric,
    frames_of,
)
from talkingface.utils.errors import MissingWeightsError
from talkingface.utils.files import atomic_path
from talkingface.utils.weights import WeightsFile, read_weights

INCEPTION = WeightsFile(
    name="pt_inception-2015-12-05-6726825d.pth",
    source="https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
)
SIDE = 299
FEATURES = 2048
BATCH = 8
FEWEST = 2
"""Pictures below which there is no distance."""


def _inner_mean(x: Tensor) -> Tensor:
    """Mean of the 3x3 neighbours that exist: the border is not pulled to zero."""
    return avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class _BlockA(blocks.InceptionA):
    def _forward(self, x: Tensor) -> list[Tensor]:
        return [*super()._forward(x)[:-1], self.branch_pool(_inner_mean(x))]


class _BlockC(blocks.InceptionC):
    def _forward(self, x: Tensor) -> list[Tensor]:
        return [*super()._forward(x)[:-1], self.branch_pool(_inner_mean(x))]


class _BlockE(blocks.InceptionE):
    def _forward(self, x: Tensor) -> list[Tensor]:
        return [*super()._forward(x)[:-1], self.branch_pool(_inner_mean(x))]


class _LastBlock(blocks.InceptionE):
    def _forward(self, x: Tensor) -> list[Tensor]:
        return [*super()._forward(x)[:-1], self.branch_pool(max_pool2d(x, 3, stride=1, padding=1))]


class FidInception(blocks.Inception3):
    """Pictures to the 2048 features before the classes."""

    def __init__(self) -> None:
        super().__init__(
            aux_logits=False,
            init_weights=False,
            inception_blocks=[
                blocks.BasicConv2d, _BlockA, blocks.InceptionB, _BlockC, blocks.InceptionD, _BlockE,
                blocks.InceptionAux,
            ],
        )  # fmt: skip
        self.Mixed_7c = _LastBlock(FEATURES)
        self.dropout = self.fc = nn.Identity()

    @torch.inference_mode()
    def features(self, pictures: Tensor) -> Tensor:
        """RGB (B, 3, H, W) in [0, 1] to (B, 2048)."""
        large = interpolate(pictures, (SIDE, SIDE), mode="bilinear", align_corners=False)
        found: Tensor = self._forward(2 * large - 1)[0]
        return found


def load_inception(path: Path) -> FidInception:
    """The network with the published weights.

    Raises:
        MissingWeightsError: the file holds something else.
    """
    network = FidInception()
    try:
        # the classes are not asked for
        network.load_state_dict({k: v for k, v in read_weights(path).items() if not k.startswith("fc.")})
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise MissingWeightsError(f"{path}: does not fit FID's Inception ({reason})") from error
    return network.requires_grad_(False)


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Squared distance of means plus trace of (Ca + Cb - 2 (Ca Cb)^1/2).

    The root's trace is the sum of the roots of the eigenvalues of Ca Cb, which are the squared singular values of the
    product of the two centred sets: exact also for fewer pictures than features, where the matrices are singular.

    Args:
        a: (K, D) features of one set, two or more.
        b: (L, D) of the other.
    """
    mean_a, mean_b = a.mean(axis=0, dtype=np.float64), b.mean(axis=0, dtype=np.float64)
    left, right = (a - mean_a) / np.sqrt(len(a) - 1), (b - mean_b) / np.sqrt(len(b) - 1)
    shared = np.linalg.svd(_factor(left) @ _factor(right).T, compute_uv=False).sum()
    spread = np.square(left).sum() + np.square(right).sum() - 2 * shared
    return float(np.square(mean_a - mean_b).sum() + max(spread, 0.0))


def _factor(centred: np.ndarray) -> np.ndarray:
    """A matrix of no more rows than columns with the same covariance."""
    return centred if len(centred) <= centred.shape[1] else np.asarray(np.linalg.qr(centred, mode="r"))


class FID(SetMetric):
    """Frechet distance of Inception's features (weights of 2015-12-05) over every fifth frame's face crop, enlarged
    from 128 to 299 px, of all clips together.

    It falls with the number of pictures, most below a few thousand: compare only sets of the same clips.
    """

    name, title, unit, metric_type = "fid", "FID", "", "image"
    region: ClassVar[Region] = "face"
    smaller: ClassVar[bool] = True
    best: ClassVar[Direction] = "lower"
    digits: ClassVar[int] = 2
    needs: ClassVar[tuple[WeightsFile, ...]] = (INCEPTION,)

    def save(self, pair: ClipPair, file: Path) -> None:
        """Write the clip's features, `real` and `generated`, float32 (K, D)."""
        with atomic_path(file) as path:
            np.savez(path, real=self._features(pair, pair.real), generated=self._features(pair, pair.generated))

    def of_set(self, files: Sequence[Path]) -> float:
        """Return the distance over the clips; NaN for fewer than two pictures."""
        features: dict[str, list[np.ndarray]] = {"real": [], "generated": []}
        for file in files:
            with np.load(file) as saved:  # closed at once: a large set has more clips than a process may open files
                for key, found in features.items():
                    found.append(saved[key])
        if sum(map(len, features["real"])) < FEWEST:
            return float("nan")
        return frechet_distance(np.concatenate(features["real"]), np.concatenate(features["generated"]))

    def _features(self, pair: ClipPair, video: MeasuredVideo) -> np.ndarray:
        network = pair.networks.network(load_inception, *self.needs)
        frames, found = frames_of(pair, SPARSE), [np.zeros((0, FEATURES), np.float32)]
        for first in range(0, len(frames), BATCH):
            cut = np.stack([REGIONS[self.region](video.crops[i]) for i in frames[first : first + BATCH]])
            # BGR (B, S, S, 3) to RGB (B, 3, S, S)
            pictures = (
                torch.from_numpy(cut[..., ::-1].copy()).to(pair.networks.device).permute(0, 3, 1, 2).float() / 255
            )
            found.append(network.features(pictures).cpu().numpy())
        return np.concatenate(found)


class FIDMouth(FID):
    """Frechet distance of Inception's features (weights of 2015-12-05) over every fifth frame's mouth, enlarged from 64
    to 299 px, of all clips together."""

    name, title = "fid_mouth", "FID mouth"
    region: ClassVar[Region] = "mouth"
