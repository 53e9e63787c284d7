"""The pretrained networks that perceptual losses look through: where their files are, and loading them.

Nothing is downloaded; utils/weights.py says where a file is looked for.
"""

from __future__ import annotations

from pathlib import Path

from torch import nn

from talkingface.model.losses.perceptual import Lpips, VggContent, lpips_heads
from talkingface.utils.errors import MissingWeightsError
from talkingface.utils.weights import WeightsFile, find_weights, missing_weights, read_weights

VGG19 = WeightsFile(
    key="vgg19_weights", name="vgg19-dcbb9e9d.pth", source="https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
)
VGG16 = WeightsFile(
    key="vgg16_weights", name="vgg16-397923af.pth", source="https://download.pytorch.org/models/vgg16-397923af.pth"
)
LPIPS_HEADS = WeightsFile(
    key="lpips_weights",
    name="lpips_vgg.pth",
    source="https://github.com/richzhang/PerceptualSimilarity/raw/master/lpips/weights/v0.1/vgg.pth",
)


def find_weights_file(file: WeightsFile, given: str | None, checkpoints_dir: str) -> Path:
    """Where a file of pretrained weights lies.

    Raises:
        MissingWeightsError: it is not there; says which file, where from, and where to put it.
    """
    found = find_weights(file, given, checkpoints_dir)
    if found is None:
        absent = missing_weights(file, given, checkpoints_dir)
        raise MissingWeightsError(f"perceptual: vgg needs {absent}, or train without: --perceptual=none")
    return found


def make_features(network: str) -> nn.Sequential:
    """The convolutional part of `vgg16` or `vgg19`, freshly initialised, its layers numbered as torchvision's."""
    from torchvision.models.vgg import cfgs, make_layers

    return make_layers(cfgs[{"vgg16": "D", "vgg19": "E"}[network]], batch_norm=False)


def load_content(path: Path, *, as_published: bool = False) -> VggContent:
    """The content loss with VGG19's weights.

    Raises:
        MissingWeightsError: the file holds something else.
    """
    features = make_features("vgg19")
    _load_features(features, path)
    return VggContent(features, as_published=as_published)


def load_lpips(path: Path, heads: Path, *, as_published: bool = False) -> Lpips:
    """LPIPS with VGG16's weights and its own heads.

    Raises:
        MissingWeightsError: a file holds something else.
    """
    features = make_features("vgg16")
    _load_features(features, path)
    try:
        weights = lpips_heads(read_weights(heads))
    except KeyError as error:
        raise MissingWeightsError(f"{heads}: has no {error}; wanted the heads of LPIPS for VGG, version 0.1") from error
    return Lpips(features, weights, as_published=as_published)


def _load_features(features: nn.Sequential, path: Path) -> None:
    own = {
        key.removeprefix("features."): value for key, value in read_weights(path).items() if key.startswith("features.")
    }
    try:
        features.load_state_dict(own)
    except RuntimeError as error:
        raise MissingWeightsError(
            f"{path}: does not fit the network ({str(error).splitlines()[-1].strip()})"
        ) from error
