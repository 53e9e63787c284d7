"""Doubles for the trainer's tests: a network of a few weights, data in memory, and a configuration for them.

Run as a program it trains: python tiny.py <folder> <num_workers> <seconds a step> [plain] [minutes] [average]
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from talkingface.batch import GT, INDIV_MELS, INPUT_FRAMES, MELS, REFERENCE, stack_frames
from talkingface.config.schema import Config, DatasetConfig, ModelConfig, RunConfig
from talkingface.model.base import AbstractTalkingFace
from talkingface.model.losses import sync_loss
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.trainer import Trainer
from talkingface.utils.seed import init_seed

STEPS = 24
RESUME = {"max_steps": STEPS, "log_every": 1, "save_every": 5, "valid_every": 7, "sample_every": 100, "warmup_steps": 4}

MINUTES = RESUME | {"max_steps": None, "max_minutes": 1.3, "lr_schedule": "cosine", "valid_every": 60}
"""130 steps, where a step is told to take 0.6 seconds: 100 in the first minute, and a plan from their speed."""


def ticking(seconds: float) -> Callable[[], float]:
    """A clock that says that so much has passed each time it is asked."""
    asked = itertools.count()
    return lambda: next(asked) * seconds


class TinyFace(AbstractTalkingFace):
    """Has all that makes a resume hard: batch statistics and dropout."""

    def __init__(self, config: Config | ModelConfig) -> None:
        super().__init__(config.model if isinstance(config, Config) else config)
        self.norm = nn.BatchNorm3d(6)
        self.dropout = nn.Dropout(0.2)
        self.conv = nn.Conv2d(6, 3, 3, padding=1)

    def infer(self, batch: Mapping[str, Tensor]) -> Tensor:
        frames = batch[INPUT_FRAMES]
        five = frames if frames.dim() == 5 else frames[:, :, None]
        x = self.dropout(self.norm(five))
        folded = x.transpose(1, 2).flatten(0, 1)
        drawn = self.conv(folded).sigmoid().unflatten(0, (x.shape[0], x.shape[2])).transpose(1, 2)
        return drawn if frames.dim() == 5 else drawn[:, :, 0]

    def calculate_loss(self, batch: Mapping[str, Tensor], valid: bool = False) -> dict[str, Tensor]:
        loss = F.l1_loss(self.infer(batch).float(), batch[GT])
        return {"l1": loss, "loss": loss}


class TinyExpert(nn.Module):
    num_frames = 5
    """A sync expert with batch statistics that must not drift."""

    def __init__(self) -> None:
        super().__init__()
        self.face = nn.Sequential(nn.Conv2d(15, 4, 3), nn.BatchNorm2d(4), nn.Softplus(), nn.AdaptiveAvgPool2d(1))
        self.audio = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Softplus(), nn.AdaptiveAvgPool2d(1))

    def generated_loss(self, mel: Tensor, frames: Tensor) -> Tensor:
        face = self.face(stack_frames(frames[..., frames.shape[-2] // 2 :, :]))
        return sync_loss(self.audio(mel).flatten(1), face.flatten(1), 1.0)


class TinyDiscriminator(nn.Module):
    """Scores frames, time-major."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 3)

    def forward(self, frames: Tensor) -> Tensor:
        return self.conv(frames.transpose(1, 2).flatten(0, 1)).mean(dim=(1, 2, 3)).sigmoid()[:, None]


class TinySet:
    """Samples that are a function of their number, past the end of an epoch too."""

    def __init__(self, length: int = 7, *, num_frames: int = 2, size: int = 16) -> None:
        self.length, self.num_frames, self.size = length, num_frames, size

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        random = np.random.default_rng(index)
        shape = (3, self.num_frames, self.size, self.size)
        return {
            GT: random.integers(0, 256, shape, dtype=np.uint8),
            REFERENCE: random.integers(0, 256, shape, dtype=np.uint8),
            MELS: random.standard_normal((1, 80, 16), dtype=np.float32),
            INDIV_MELS: random.standard_normal((self.num_frames, 1, 80, 16), dtype=np.float32),
        }


def tiny_config(folder: Path, *, num_workers: int = 0, model: ModelConfig | None = None, **recipe: Any) -> Config:
    """A configuration whose files all lie under `folder`."""
    defaults: dict[str, Any] = {"train_batch_size": 4, "evaluate_batch_size": 4, "img_size": 16, "learning_rate": 1e-2}
    return Config(
        model_name="Tiny",
        dataset_name="memory",
        run=RunConfig(
            saved_dir=str(folder / "saved"),
            log_dir=str(folder / "log"),
            num_workers=num_workers,
            show_progress=False,
            device="cpu",
            precision="fp32",
        ),
        dataset=DatasetConfig(
            data_root="", filelist_root="", preprocessed_root=str(folder / "prepared"), packed_root=""
        ),
        model=replace(model, **recipe) if model else ModelConfig(**(defaults | recipe)),
    )


def tiny_trainer(config: Config, run: RunFolder | None = None, kind: type[Trainer] = Trainer, **parts: Any) -> Trainer:
    """A trainer of a freshly seeded network, in a new run folder unless one is given."""
    init_seed(config.run.seed)
    run = run or RunFolder.create(config)
    return kind(config, TinyFace(config), run=run, device=torch.device("cpu"), parts=parts)


class SlowTrainer(Trainer):
    """Takes its time, so that a test can kill it in the middle."""

    pause = 0.0

    def train_step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        time.sleep(self.pause)
        return super().train_step(batch)


class SteadyFace(TinyFace):
    """Without dropout: how samples are shared by processes then makes no difference, as they share statistics."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.dropout = nn.Identity()  # type: ignore[assignment]


class PlainFace(SteadyFace):
    """Without batch statistics too: then batches may be cut in parts as well."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.norm = nn.Identity()  # type: ignore[assignment]


def main(
    folder: Path, num_workers: int, pause: float, *, plain: bool = False, minutes: bool = False, average: bool = False
) -> None:
    torch.set_num_threads(1)
    SlowTrainer.pause = pause
    config = tiny_config(
        folder, num_workers=num_workers, **(MINUTES if minutes else RESUME), ema_decay=0.9 if average else None
    )
    init_seed(config.run.seed)
    model = SteadyFace(config) if plain else TinyFace(config)
    run = RunFolder(folder / "run")
    trainer = SlowTrainer(config, model, run=run, device=torch.device("cpu"))
    if minutes:  # a second start goes on at another speed, and so does each process of several
        trainer.clock = ticking(0.6 * (1 + int(os.environ.get("RANK", "0"))) * (2 if run.status() else 1))
    trainer.fit(TinySet(), TinySet(5))


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        int(sys.argv[2]),
        float(sys.argv[3]),
        plain="plain" in sys.argv,
        minutes="minutes" in sys.argv,
        average="average" in sys.argv,
    )
