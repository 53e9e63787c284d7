"""The pretrained networks that perceptual losses look through: where their files are, and loading them.

Nothing is downloaded. A file is taken from the path given, else from torchvision's usual cache, else from checkpoints/.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from talkingface.model.losses.perceptual import Lpips, VggContent, lpips_heads
from talkingface.utils.errors import MissingWeightsError


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """A file of pretrained weights that the user has to fetch."""

    key: str
    """Configuration key that may give its place."""
    name: str
    """Its file name."""
    source: str
    """Where it comes from."""


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
    home = Path(os.environ.get("TORCH_HOME", "~/.cache/torch")).expanduser()
    places = [Path(given)] if given is not None else [home / "hub/checkpoints" / file.name]
    places += [] if given is not None else [Path(checkpoints_dir) / file.name]
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        looked = " or ".join(str(path) for path in places)
        raise MissingWeightsError(
            f"perceptual: vgg needs {file.name}, and there is no {looked}; fetch it from {file.source} and put it "
            f"there, or name its place with --{file.key}=..., or train without: --perceptual=none"
        )
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
        weights = lpips_heads(_read(heads))
    except KeyError as error:
        raise MissingWeightsError(f"{heads}: has no {error}; wanted the heads of LPIPS for VGG, version 0.1") from error
    return Lpips(features, weights, as_published=as_published)


def _load_features(features: nn.Sequential, path: Path) -> None:
    own = {key.removeprefix("features."): value for key, value in _read(path).items() if key.startswith("features.")}
    try:
        features.load_state_dict(own)
    except RuntimeError as error:
        raise MissingWeightsError(
            f"{path}: does not fit the network ({str(error).splitlines()[-1].strip()})"
        ) from error


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        contents = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file makes the reader fail in any way
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise MissingWeightsError(f"{path}: damaged, or no weights file ({reason})") from error
    if not isinstance(contents, Mapping):
        raise MissingWeightsError(f"{path}: holds a {type(contents).__name__}, wanted a dict of weights")
    return contents
