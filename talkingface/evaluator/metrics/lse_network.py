"""SyncNet v2: two towers without a common head; parameter names are those of the published file."""

# B batch, T frames, H/W pixels (224), E embedding values (1024)

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from talkingface.utils.errors import MissingWeightsError
from talkingface.utils.weights import WeightsFile, read_weights

SYNCNET_V2 = WeightsFile(
    key="lse_weights",
    name="syncnet_v2.model",
    source="https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model",
)
FRAMES = 5
"""Frames in a window of lips."""
STEPS = 20
"""MFCC steps in a window of sound, 100 a second."""
SIDE = 224


def _conv2d(inputs: int, outputs: int, **options: Any) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, **options), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def _conv3d(inputs: int, outputs: int, **options: Any) -> list[nn.Module]:
    return [nn.Conv3d(inputs, outputs, **options), nn.BatchNorm3d(outputs), nn.ReLU(inplace=True)]


def _embedding() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(inplace=True), nn.Linear(512, 1024))


class SyncNetV2(nn.Module):
    """Embeds sound and lips; embeddings have no fixed length and are compared by their distance."""

    def __init__(self) -> None:
        super().__init__()
        same: dict[str, Any] = {"kernel_size": 3, "padding": 1}
        self.netcnnaud = nn.Sequential(
            *_conv2d(1, 64, **same), nn.MaxPool2d(1),
            *_conv2d(64, 192, **same), nn.MaxPool2d(3, stride=(1, 2)),
            *_conv2d(192, 384, **same), *_conv2d(384, 256, **same), *_conv2d(256, 256, **same),
            nn.MaxPool2d(3, stride=2),
            *_conv2d(256, 512, kernel_size=(5, 4)),
        )  # fmt: skip
        self.netfcaud = _embedding()
        self.netfclip = _embedding()
        flat: dict[str, Any] = {"kernel_size": (1, 3, 3), "padding": (0, 1, 1)}
        halving = (1, 2, 2)
        self.netcnnlip = nn.Sequential(
            *_conv3d(3, 96, kernel_size=(FRAMES, 7, 7), stride=halving), nn.MaxPool3d((1, 3, 3), stride=halving),
            *_conv3d(96, 256, kernel_size=(1, 5, 5), stride=halving, padding=(0, 1, 1)),
            nn.MaxPool3d((1, 3, 3), stride=halving, padding=(0, 1, 1)),
            *_conv3d(256, 256, **flat), *_conv3d(256, 256, **flat), *_conv3d(256, 256, **flat),
            nn.MaxPool3d((1, 3, 3), stride=halving),
            *_conv3d(256, 512, kernel_size=(1, 6, 6)),
        )  # fmt: skip

    def embed_audio(self, mfcc: Tensor) -> Tensor:
        """(B, 1, 13, 20) coefficients to (B, E)."""
        embedded: Tensor = self.netfcaud(self.netcnnaud(mfcc).flatten(1))
        return embedded

    def embed_lips(self, frames: Tensor) -> Tensor:
        """A run of frames (3, T, H, W), BGR in 0..255, to the embeddings of its windows (T - 4, E).

        Only the first layer looks along time, so a run costs no more than its windows one by one.
        """
        seen = self.netcnnlip(frames[None])  # (1, 512, T - 4, 1, 1)
        embedded: Tensor = self.netfclip(seen[0, :, :, 0, 0].T)
        return embedded


def load_syncnet(path: Path) -> SyncNetV2:
    """The network with the published weights.

    Raises:
        MissingWeightsError: the file holds something else.
    """
    network = SyncNetV2()
    try:
        network.load_state_dict(dict(read_weights(path)))
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise MissingWeightsError(f"{path}: does not fit SyncNet v2 ({reason})") from error
    return network.requires_grad_(False)
