"""The expert's recipe: cross entropy of the cosine, and its accuracy, by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from tiny import tiny_config
from torch import Tensor, nn

from talkingface.batch import FACE_WINDOW, IN_SYNC, MELS, OFF_MELS
from talkingface.model.base import AbstractTalkingFace
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.syncnet_trainer import SyncNetTrainer

COSINES = (0.8, 0.6, 0.28, 0.96)


class FixedTowers(AbstractTalkingFace):
    """Embeddings whose cosines are known."""

    def __init__(self, config: object) -> None:
        super().__init__(config)  # type: ignore[arg-type]
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, mel: Tensor, face: Tensor) -> tuple[Tensor, Tensor]:
        cosine = torch.tensor(COSINES)
        audio = torch.stack([torch.ones(4), torch.zeros(4)], dim=1)
        return audio * self.scale, torch.stack([cosine, (1 - cosine**2).sqrt()], dim=1)

    def infer(self, batch: Mapping[str, Tensor]) -> Tensor:
        raise NotImplementedError

    def calculate_loss(self, batch: Mapping[str, Tensor], valid: bool = False) -> dict[str, Tensor]:
        raise NotImplementedError


@pytest.mark.parametrize("valid", [False, True])
def test_loss_and_accuracy(tmp_path: Path, valid: bool) -> None:
    config = tiny_config(tmp_path)
    model = FixedTowers(config.model)
    trainer = SyncNetTrainer(config, model, run=RunFolder.create(config), device=torch.device("cpu"))
    labels = torch.tensor([[1.0], [0.0], [0.0], [0.0]])
    batch = {MELS: torch.zeros(4, 1, 80, 16), FACE_WINDOW: torch.zeros(4, 15, 8, 16), IN_SYNC: labels}
    values = trainer.valid_step(batch) if valid else trainer.train_step(batch)
    expected = -(math.log(0.8) + math.log(0.4) + math.log(0.72) + math.log(0.04)) / 4
    assert values["loss"].item() == pytest.approx(expected, rel=1e-5)
    assert float(values["accuracy"]) == 0.5  # 0.8 and 0.28 are on the right side of 0.5


class ByNumber(FixedTowers):
    """A sound's embedding lies at the angle that its mel names, a face's at 0."""

    def embed_audio(self, mel: Tensor) -> Tensor:
        cosine = mel[:, 0, 0, 0]
        return torch.stack([cosine, (1 - cosine**2).sqrt()], dim=1) * self.scale

    def embed_face(self, face: Tensor) -> Tensor:
        return torch.tensor([[1.0, 0.0]]).expand(len(face), -1)


def test_each_face_against_its_own_sound_and_others(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    trainer = SyncNetTrainer(config, ByNumber(config.model), run=RunFolder.create(config), device=torch.device("cpu"))
    own, off = torch.tensor([0.9, 0.4]), torch.tensor([[0.3, 0.6, 0.2], [0.1, 0.45, 0.7]])
    batch = {
        MELS: own.view(2, 1, 1, 1).expand(-1, 1, 80, 16),
        OFF_MELS: off.view(2, 3, 1, 1).expand(-1, -1, 80, 16),
        FACE_WINDOW: torch.zeros(2, 15, 8, 16),
        IN_SYNC: torch.ones(2, 1),
    }
    values = trainer.train_step(batch)
    of_own = -(math.log(0.9) + math.log(0.4)) / 2
    of_off = -sum(math.log(1 - float(cosine)) for cosine in off.flatten()) / 6
    assert values["loss"].item() == pytest.approx((of_own + of_off) / 2, rel=1e-5)
    assert float(values["accuracy"]) == pytest.approx((1 / 2 + 4 / 6) / 2)
