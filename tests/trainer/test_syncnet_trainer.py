"""The expert's recipe: cross entropy of the cosine, and its accuracy, by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from tiny import tiny_config
from torch import Tensor, nn

from talkingface.batch import FACE_WINDOW, IN_SYNC, MELS
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
