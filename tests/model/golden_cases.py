"""The networks' golden cases: who is filled, what goes in, and a training step of the vectors' own loss."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from filled import GOLDEN, images, masked_faces, mels
from torch import Tensor, nn

from talkingface.model.audio_driven_talkingface.hyperlipsbase import HyperCtrolDiscriminator, HyperLipsBase
from talkingface.model.audio_driven_talkingface.syncnet import SyncNet_color, SyncNetWav2Lip
from talkingface.model.audio_driven_talkingface.wav2lip import Wav2Lip, Wav2Lip_disc_qual
from talkingface.model.layers.hr_decoder import HRDecoder, HRDecoder_disc_qual


class Case(NamedTuple):
    folder: str
    network: Callable[[], nn.Module]
    keys: str
    inputs: Callable[[torch.dtype], list[Tensor]]
    float32: tuple[float, float] = (1e-4, 2e-2)
    """Tolerances of outputs and of gradient lengths when training in float32; float64 is checked to 1e-9."""


CASES = {
    "base": Case(
        "HyperLipsBase",
        HyperLipsBase,
        "HyperLipsBase",
        lambda dtype: [mels(12, (2, 1, 80, 16), dtype), masked_faces(11, (2, 6, 128, 128), dtype)],
    ),
    "base of windows": Case(
        "HyperLipsBase_5d",
        HyperLipsBase,
        "HyperLipsBase",
        lambda dtype: [mels(22, (2, 3, 1, 80, 16), dtype), masked_faces(21, (2, 6, 3, 64, 64), dtype)],
    ),
    "expert": Case(
        "SyncNet_HL",
        SyncNet_color,
        "SyncNet_HL",
        lambda dtype: [mels(43, (3, 1, 80, 16), dtype), images(44, (3, 15, 64, 128), dtype)],
    ),
    "discriminator": Case(
        "HyperCtrolDiscriminator",
        HyperCtrolDiscriminator,
        "HyperCtrolDiscriminator",
        lambda dtype: [images(41, (2, 3, 2, 128, 128), dtype)],
    ),
    "wav2lip": Case(
        "Wav2Lip",
        Wav2Lip,
        "Wav2Lip",
        lambda dtype: [mels(52, (2, 1, 80, 16), dtype), masked_faces(51, (2, 6, 96, 96), dtype)],
        # Batch normalisation over two values multiplies rounding: with one thread or two, with oneDNN or without, one
        # CPU's float32 moves outputs by up to 5.8e-4 and gradients by up to 16% of their float64 values. The case of
        # windows, below, holds the same network's training in float32 tightly; float64 holds this one.
        float32=(1e-3, 0.3),
    ),
    "wav2lip of windows": Case(
        "Wav2Lip_5d",
        Wav2Lip,
        "Wav2Lip",
        lambda dtype: [mels(54, (2, 3, 1, 80, 16), dtype), masked_faces(53, (2, 6, 3, 96, 96), dtype)],
    ),
    "wav2lip expert": Case(
        "SyncNet_W2L",
        SyncNetWav2Lip,
        "SyncNet_W2L",
        lambda dtype: [mels(56, (3, 1, 80, 16), dtype), images(57, (3, 15, 48, 96), dtype)],
    ),
    "wav2lip discriminator": Case(
        "Wav2Lip_disc_qual",
        Wav2Lip_disc_qual,
        "Wav2Lip_disc_qual",
        lambda dtype: [images(55, (2, 3, 2, 96, 96), dtype)],
    ),
    **{
        f"enlarging {r} times": Case(
            f"HRDecoder{r}",
            lambda r=r: HRDecoder(r),
            f"HRDecoder{r}",
            lambda dtype, r=r: [images(30 + r, (2, 6, 32, 32), dtype)],
        )
        for r in (1, 2, 4)
    },
    "discriminator of whole faces": Case(
        "HRDecoder_disc_qual",
        HRDecoder_disc_qual,
        "HRDecoder_disc_qual",
        lambda dtype: [images(42, (2, 3, 128, 128), dtype)],
    ),
}


def keys_of(case: Case) -> dict:
    return json.loads((GOLDEN / case.keys / "keys.json").read_text(encoding="utf-8"))


def probe(values: Tensor, count: int) -> np.ndarray:
    """The values that the golden vectors keep of a tensor: all of a small one, else `count` by a fixed draw."""
    flat = values.detach().flatten().numpy()
    return flat if flat.size <= count else flat[np.random.RandomState(7).randint(0, flat.size, count)]


def outputs(network: nn.Module, inputs: list[Tensor]) -> list[Tensor]:
    result = network(*inputs)
    return [result] if isinstance(result, Tensor) else list(result)


def train_once(network: nn.Module, inputs: list[Tensor]) -> tuple[list[Tensor], float]:
    """One forward and backward in training mode of the golden vectors' loss; returns outputs and loss."""
    results = outputs(network.train(), inputs)
    loss = torch.zeros((), dtype=inputs[0].dtype, device=inputs[0].device)
    for index, result in enumerate(results):
        weights = np.random.RandomState(100 + index).standard_normal(tuple(result.shape)).astype(np.float32)
        loss = loss + (result * torch.from_numpy(weights).to(result)).mean()
    loss.backward()
    return results, loss.item()
