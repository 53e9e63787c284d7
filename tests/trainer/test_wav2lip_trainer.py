"""The recipes of Wav2Lip on small doubles: weights, the switch of the sync loss, and what a resume takes over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import TinyDiscriminator, TinyExpert, TinySet, tiny_config, tiny_trainer

from talkingface.config.schema import ConfigError
from talkingface.model.audio_driven_talkingface.wav2lip_config import Wav2LipConfig, Wav2LipGANConfig
from talkingface.trainer.validation import read_batch
from talkingface.trainer.wav2lip_trainer import Wav2LipTrainer

SMALL: dict[str, Any] = {"train_batch_size": 4, "evaluate_batch_size": 4, "max_steps": 4, "valid_every": 1}


def make(folder: Path, kind: type[Wav2LipConfig] = Wav2LipConfig, **recipe: Any) -> Wav2LipTrainer:
    config = tiny_config(folder, model=kind(**SMALL, **recipe))
    trainer = tiny_trainer(config, kind=Wav2LipTrainer, expert=TinyExpert(), discriminator=TinyDiscriminator())
    assert isinstance(trainer, Wav2LipTrainer)
    return trainer


def test_sync_waits_for_the_validation_and_then_stays(tmp_path: Path) -> None:
    trainer = make(tmp_path)
    assert trainer.weights_at(10_000) == {"l1": 1.0}
    trainer.after_validation({"loss": 1.0, "sync": 0.76})
    assert trainer.weights_at(10_000) == {"l1": 1.0}
    trainer.after_validation({"loss": 1.0, "sync": 0.74})
    assert trainer.weights_at(10_000) == pytest.approx({"l1": 0.99, "sync": 0.01})
    trainer.after_validation({"loss": 1.0, "sync": 2.0})
    assert "sync" in trainer.weights_at(10_000)


def test_gan_weights_sum_to_one(tmp_path: Path) -> None:
    trainer = make(tmp_path, Wav2LipGANConfig, disc_start_step=5)
    assert trainer.weights_at(0) == {"l1": 1.0}
    assert trainer.weights_at(5) == pytest.approx({"l1": 0.93, "adversarial": 0.07})
    trainer.after_validation({"loss": 1.0, "sync": 0.5})
    assert trainer.weights_at(5) == pytest.approx({"l1": 0.90, "sync": 0.03, "adversarial": 0.07})


def test_total_is_the_weighted_sum(tmp_path: Path) -> None:
    trainer = make(tmp_path, Wav2LipGANConfig, sync_threshold=None)
    losses = trainer.train_step(read_batch(TinySet(num_frames=5), range(4), torch.device("cpu")))
    wanted = 0.9 * losses["l1"] + 0.03 * losses["sync"] + 0.07 * losses["adversarial"]
    assert losses["loss"].item() == pytest.approx(wanted.item(), rel=1e-6)


def test_validation_measures_sync_before_it_counts(tmp_path: Path) -> None:
    trainer = make(tmp_path)
    values = trainer.validate(TinySet(5, num_frames=5))
    assert values["loss"] == pytest.approx(0.99 * values["l1"] + 0.01 * values["sync"], rel=1e-6)


def test_a_resume_takes_the_switch_over(tmp_path: Path) -> None:
    trainer = make(tmp_path, sync_threshold=100.0)
    trainer.fit(TinySet(num_frames=5), TinySet(5, num_frames=5))
    assert trainer.switch.on
    longer = replace(trainer.config, model=replace(trainer.config.model, max_steps=5))
    again = tiny_trainer(longer, trainer.run, kind=Wav2LipTrainer, expert=TinyExpert())
    assert isinstance(again, Wav2LipTrainer) and not again.switch.on
    again.fit(TinySet(num_frames=5), TinySet(5, num_frames=5))
    assert again.switch.on and again.progress.step == 5
    assert "sync" in again.run.read_metrics()[-2]


def test_what_cannot_work_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sync_threshold: 0.75 is held against .* no validation clips"):
        make(tmp_path).fit(TinySet(num_frames=5), None)
    with pytest.raises(ConfigError, match="num_frames: 16, but the sync expert looks at 5 frames"):
        make(tmp_path, num_frames=16)
    with pytest.raises(ValueError, match="img_size: the network draws faces of 96 px only, got 128"):
        Wav2LipConfig(img_size=128)
    with pytest.raises(ValueError, match="sum of at most 1"):
        Wav2LipConfig(sync_weight=0.5, adversarial_weight=0.6)
