"""The recipe on the real networks against the published recipe's first losses (fixed weights and inputs)."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import tiny_config
from torch import nn

from talkingface.batch import GT, INDIV_MELS, INPUT_FRAMES, MELS
from talkingface.model.audio_driven_talkingface.hyperlipsbase import HyperCtrolDiscriminator, HyperLipsBase
from talkingface.model.audio_driven_talkingface.hyperlipsbase_config import HyperLipsBaseConfig
from talkingface.model.audio_driven_talkingface.syncnet import SyncNet_color
from talkingface.trainer.hyperlipsbase_trainer import HyperLipsBaseTrainer
from talkingface.trainer.run_folder import RunFolder

FIRST_STEP = {
    "sync": 1.1503897905349731,
    "adversarial": 1.1684767007827759,
    "l1": 0.2872771620750427,
    "loss": 0.4894104599952698,
    "disc_real": 1.0919084548950195,
    "disc_fake": 0.3728122115135193,
}
"""Made with the published code, its expert in evaluation mode."""
SECOND_STEP_L1 = 0.2861345410346985
"""Of the same; Adam's first step is sign-like, so that only its size can be compared."""


def fill(module: nn.Module, gain: float) -> nn.Module:
    """Weights that depend on the key and the shape alone, as those of the golden networks."""
    filled = {key: fill_value(key, value, gain) for key, value in module.state_dict().items()}
    module.load_state_dict(filled)
    return module


def fill_value(key: str, like: torch.Tensor, gain: float) -> torch.Tensor:
    name, shape = key.rpartition(".")[2], tuple(like.shape)
    random = np.random.RandomState(zlib.crc32(key.encode()))
    if name == "num_batches_tracked":
        return torch.zeros_like(like)
    if name == "running_var":
        value = 0.5 + random.random_sample(shape)
    elif name == "running_mean":
        value = 0.1 * random.standard_normal(shape)
    elif len(shape) <= 1 and name == "weight":
        value = 0.75 + 0.5 * random.random_sample(shape)
    elif len(shape) <= 1:
        value = 0.05 * random.standard_normal(shape)
    else:
        spread = gain / np.sqrt(np.prod(shape[1:]))
        if ".hyperkernel." in key:
            spread /= 3 * np.sqrt(3 * np.sqrt(shape[0]))
        if ".hyperbias." in key:
            spread /= 4
        value = spread * random.standard_normal(shape)
    return torch.from_numpy(np.asarray(value, dtype=np.float32))


def images(seed: int, *shape: int) -> torch.Tensor:
    drawn = np.random.RandomState(seed).randint(0, 256, size=shape)
    return torch.from_numpy(drawn.astype(np.float32) / np.float32(255))


def mels(seed: int, *shape: int) -> torch.Tensor:
    drawn = np.random.RandomState(seed).randint(-400, 401, size=shape)
    return torch.from_numpy(drawn.astype(np.float32) / np.float32(100))


@pytest.mark.slow
def test_first_losses_are_the_published_recipes(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, model=HyperLipsBaseConfig())
    config = replace(config, run=replace(config.run, precision="fp32"))
    model = HyperLipsBase(config)
    fill(model, 1.3)
    parts = {"expert": fill(SyncNet_color(), 1.3), "discriminator": fill(HyperCtrolDiscriminator(), 1.41)}
    run = RunFolder.create(config)
    trainer = HyperLipsBaseTrainer(config, model, run=run, device=torch.device("cpu"), parts=parts)
    frames = images(61, 2, 6, 5, 128, 128)
    frames[:, :3, :, 64:] = 0
    batch = {
        INPUT_FRAMES: frames,
        GT: images(62, 2, 3, 5, 128, 128),
        INDIV_MELS: mels(63, 2, 5, 1, 80, 16),
        MELS: mels(64, 2, 1, 80, 16),
    }
    losses = {name: value.item() for name, value in trainer.train_step(batch).items()}
    assert losses == pytest.approx(FIRST_STEP, abs=1e-5)
    assert trainer.train_step(batch)["l1"].item() == pytest.approx(SECOND_STEP_L1, rel=1e-2)
