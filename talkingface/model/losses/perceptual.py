"""Perceptual losses: distances between what a frozen VGG sees in two pictures, and loading the pretrained networks.

Both networks were trained on RGB pictures normalised by ImageNet's mean and spread. The published HyperLips code gives
them BGR in [0, 1] as it is; `as_published=True` repeats that.

Nothing is downloaded; utils/weights.py says where a file is looked for.
"""

# B batch, C channels, H/W pixels

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from talkingface.model.audio_driven_talkingface.hyperlipshr_config import HyperLipsHRConfig
from talkingface.model.layers.conv import wide
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
    if tuple(head.numel() for head in weights) != LPIPS_WIDTHS:
        widths = ", ".join(str(head.numel()) for head in weights)
        raise MissingWeightsError(f"{heads}: heads of {widths} channels; wanted those of LPIPS for VGG, version 0.1")
    return Lpips(features, weights, as_published=as_published)


PERCEPTUAL: dict[str, tuple[Callable[..., nn.Module], tuple[WeightsFile, ...]]] = {
    "vgg": (load_content, (VGG19,)),
    "lip_lpips": (load_lpips, (VGG16, LPIPS_HEADS)),
}
"""HyperLipsHR's losses that look through pretrained networks: how each is loaded, and from which files."""


def perceptual_files(loss: str, recipe: HyperLipsHRConfig, checkpoints_dir: str) -> list[Path]:
    """The files of one of the losses of `PERCEPTUAL`.

    Args:
        loss: its name.
        recipe: its `vgg19_weights`, `vgg16_weights` and `lpips_weights` name files, or None for the usual places.
        checkpoints_dir: one of the usual places.

    Raises:
        MissingWeightsError: one is not there.
    """
    _, files = PERCEPTUAL[loss]
    given = {VGG19: recipe.vgg19_weights, VGG16: recipe.vgg16_weights, LPIPS_HEADS: recipe.lpips_weights}
    return [find_weights_file(file, given[file], checkpoints_dir) for file in files]


def load_perceptual(loss: str, recipe: HyperLipsHRConfig, checkpoints_dir: str) -> nn.Module:
    """The network of one of the losses of `PERCEPTUAL`, shown what the recipe's `perceptual_input` says.

    Raises:
        MissingWeightsError: a file is not there or holds something else.
    """
    load, _ = PERCEPTUAL[loss]
    files = perceptual_files(loss, recipe, checkpoints_dir)
    return load(*files, as_published=recipe.perceptual_input == "raw")


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


VGG19_LAYERS = 35
"""The content loss compares after this many layers of VGG19's convolutions: before the activation of the last one."""
LPIPS_TAPS = (3, 8, 15, 22, 29)
"""Layers of VGG16 after which LPIPS compares (Zhang et al. 2018): relu1_2, 2_2, 3_3, 4_3, 5_3."""
LPIPS_WIDTHS = (64, 128, 256, 512, 512)
"""Channels there."""
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and spread of red, green, blue in [0, 1]. LPIPS writes the same numbers for pictures in [-1, 1]."""


class VggContent(nn.Module):
    """L1 between features of VGG19.

    Args:
        features: VGG19's convolutional part, at least 35 layers.
        as_published: give pictures to it as they are, BGR in [0, 1].
    """

    def __init__(self, features: nn.Sequential, *, as_published: bool = False) -> None:
        super().__init__()
        self.features = _frozen(features[:VGG19_LAYERS])
        self.normalise: nn.Module = nn.Identity() if as_published else ToRgb(*IMAGENET)

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """Two (B, 3, H, W) BGR in [0, 1] to one number; no gradient flows to `real`."""
        with torch.no_grad():
            wanted = self.features(self.normalise(real))
        got = self.features(self.normalise(fake))
        return (wide(got) - wide(wanted)).abs().mean()


class Lpips(nn.Module):
    """Learned perceptual image patch similarity on VGG16 (Zhang et al. 2018, equation 1).

    Args:
        features: VGG16's convolutional part.
        heads: five vectors of weights, one number a channel of each tap; none negative.
        as_published: give pictures to it as they are, BGR in [0, 1].
    """

    def __init__(self, features: nn.Sequential, heads: Sequence[Tensor], *, as_published: bool = False) -> None:
        super().__init__()
        self.features = _frozen(features[: LPIPS_TAPS[-1] + 1])
        self.normalise: nn.Module = nn.Identity() if as_published else ToRgb(*IMAGENET)
        for number, head in enumerate(heads):
            self.register_buffer(f"head{number}", head.reshape(1, -1, 1, 1).float())

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """Two (B, 3, H, W) BGR in [0, 1], sides of 16 or more, to the batch's mean; no gradient flows to `real`."""
        with torch.no_grad():
            wanted = self._unit_features(real)
        total = torch.zeros((), device=fake.device)
        for number, (a, b) in enumerate(zip(self._unit_features(fake), wanted, strict=True)):
            total = total + (getattr(self, f"head{number}") * (a - b).square()).sum(dim=1).mean()
        return total

    def _unit_features(self, x: Tensor) -> list[Tensor]:
        x = self.normalise(x)
        found = []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in LPIPS_TAPS:
                y = wide(x)
                found.append(y / (y.square().sum(dim=1, keepdim=True).sqrt() + 1e-10))
        return found


class ToRgb(nn.Module):
    """BGR in [0, 1] to RGB with a mean of 0 and a spread of 1."""

    mean: Tensor
    spread: Tensor

    def __init__(self, mean: Sequence[float], spread: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("spread", torch.tensor(spread).view(1, 3, 1, 1))

    def forward(self, bgr: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H, W)."""
        return (bgr.flip(1) - self.mean) / self.spread


def lpips_heads(weights: Mapping[str, Tensor]) -> list[Tensor]:
    """The five heads from LPIPS's own file (`lin0.model.1.weight`, ...)."""
    return [weights[f"lin{number}.model.1.weight"] for number in range(len(LPIPS_TAPS))]


def _frozen(features: nn.Sequential) -> nn.Sequential:
    """Without gradients for its weights; activations not in place, as some taps lie before them."""
    for layer in features:
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
    return features.eval().requires_grad_(False)
