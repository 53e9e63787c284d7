"""Checkpoints of earlier versions load: their values hold, retired keys are left out with one note."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from talkingface.catalog import model_row
from talkingface.config.schema import ConfigError
from talkingface.model.trained import build_network, load_trained
from talkingface.utils.errors import CheckpointError

STORED = json.loads((Path(__file__).parents[1] / "config" / "stored_by_0_1.json").read_text(encoding="utf-8"))
MODEL = "SyncNetWav2Lip"


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes a checkpoint as version 0.1 did, with more keys of its model's where some are given."""
    monkeypatch.chdir(tmp_path)

    def write(**more: Any) -> Path:
        config = json.loads(json.dumps(STORED[MODEL]))
        config["model"] |= more
        network = build_network(model_row(MODEL), None)  # type: ignore[arg-type]
        contents = {
            "format": "talkingface", "version": 1, "model_name": MODEL, "config": config, "metrics": {"loss": 0.2},
            "state_dict": network.state_dict(), "parts": {}, "progress": {"step": 7, "metrics": {}}, "rng": {},
        }  # fmt: skip
        torch.save(contents, tmp_path / "best.pth")
        return tmp_path / "best.pth"

    return write


def test_a_checkpoint_of_version_0_1(old: Any, caplog: pytest.LogCaptureFixture):
    path = old(train_batch_size=3, lower_jitter=2.0)
    with caplog.at_level(logging.WARNING, logger="talkingface"):
        trained = load_trained(path, model=MODEL.lower())
        again = load_trained(path)
    assert trained.config == again.config and trained.config.model.train_batch_size == 3
    assert trained.config.dataset.data_root == "dataset/demo/data" and trained.row.name == MODEL
    weights = torch.load(path, weights_only=True)["state_dict"]
    assert all(torch.equal(value, weights[key]) for key, value in trained.network.state_dict().items())
    (note,) = [record.getMessage() for record in caplog.records]
    assert note.startswith(f"{path}: lower_jitter is left out")


def test_a_checkpoint_of_a_newer_version(old: Any):
    with pytest.raises(ConfigError, match=r"^teeth: stored in .*best\.pth, and this version does not know it"):
        load_trained(old(teeth=32))
    with pytest.raises(CheckpointError, match="is of SyncNetWav2Lip, not of Wav2Lip"):
        load_trained(old(), model="wav2lip")
