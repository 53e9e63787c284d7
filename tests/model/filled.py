"""Networks with the golden vectors' weights, and the inputs that go with them; a weight depends on its key alone."""

from __future__ import annotations

import math
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "golden"
"""The full vectors in float32, too large for the repository; only beside some checkouts."""


def numbers_of(key: str) -> np.random.RandomState:
    return np.random.RandomState(zlib.crc32(key.encode()))


def filled_value(key: str, shape: tuple[int, ...], gain: float) -> np.ndarray:
    """The value that the golden vectors' rule gives a weight or buffer, float32."""
    kind = key.split(".")[-1]
    draw = numbers_of(key)
    match (kind, len(shape)):
        case ("num_batches_tracked", _):
            return np.zeros(shape, np.int64)
        case ("running_var", _):
            value = draw.random_sample(shape) + 0.5
        case ("running_mean", _):
            value = draw.standard_normal(shape) * 0.1
        case ("weight", 0 | 1):
            value = draw.random_sample(shape) * 0.5 + 0.75
        case (_, 0 | 1):
            value = draw.standard_normal(shape) * 0.05
        case _:
            spread = gain / math.sqrt(math.prod(shape[1:]))
            if ".hyperkernel." in key:
                spread /= 3 * math.sqrt(3 * math.sqrt(shape[0]))
            if ".hyperbias." in key:
                spread /= 4
            value = draw.standard_normal(shape) * spread
    return value.astype(np.float32)


def fill(module: nn.Module, gain: float) -> nn.Module:
    """Load the rule's values into every weight and buffer."""
    state = {key: filled_value(key, tuple(value.shape), gain) for key, value in module.state_dict().items()}
    module.load_state_dict({key: torch.from_numpy(np.asarray(value)) for key, value in state.items()})
    return module


def images(seed: int, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Random pixels, 0 to 255 over 255 in float32, then in `dtype`."""
    drawn = np.random.RandomState(seed).randint(0, 256, size=shape)
    return torch.from_numpy(drawn.astype(np.float32) / np.float32(255)).to(dtype)


def mels(seed: int, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Random mel values in [-4, 4] in float32, then in `dtype`."""
    drawn = np.random.RandomState(seed).randint(-400, 401, size=shape)
    return torch.from_numpy(drawn.astype(np.float32) / np.float32(100)).to(dtype)


def masked_faces(seed: int, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Like `images` with six channels, the first three without their lower half."""
    faces = images(seed, shape, dtype)
    faces[:, :3, ..., shape[-2] // 2 :, :] = 0
    return faces
