"""The Inception network that FID is defined by: TensorFlow's of 2015-12-05, in its usual form for PyTorch.

It is torchvision's Inception v3 with other pooling inside its blocks, without the classes; parameter names are those of
the file `pt_inception-2015-12-05-6726825d.pth`, which papers use through pytorch-fid and torch-fidelity.
"""

# B batch, H/W pixels

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d
from torchvision.models import inception as blocks

from talkingface.utils.errors import MissingWeightsError
from talkingface.utils.weights import WeightsFile, read_weights

INCEPTION = WeightsFile(
    name="pt_inception-2015-12-05-6726825d.pth",
    source="https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
)
SIDE = 299
FEATURES = 2048


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
