"""The recipe of HyperLipsBase on small doubles: which network learns from what, and what is computed at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import TinyDiscriminator, TinyExpert, TinySet, tiny_config, tiny_trainer
from torch import nn

from talkingface.batch import GT, Batch
from talkingface.config.schema import ConfigError
from talkingface.model.audio_driven_talkingface.hyperlipsbase_config import HyperLipsBaseConfig
from talkingface.trainer.adversary import Adversary
from talkingface.trainer.hyperlipsbase_trainer import HyperLipsBaseTrainer
from talkingface.trainer.validation import read_batch

RECIPE = HyperLipsBaseConfig(img_size=16, train_batch_size=4, evaluate_batch_size=4, max_steps=4, log_every=1)


def make(folder: Path, *, parts: dict[str, nn.Module] | None = None, **recipe: Any) -> HyperLipsBaseTrainer:
    config = tiny_config(folder, model=RECIPE, **recipe)
    parts = {"expert": TinyExpert(), "discriminator": TinyDiscriminator()} if parts is None else parts
    trainer = tiny_trainer(config, kind=HyperLipsBaseTrainer, **parts)
    assert isinstance(trainer, HyperLipsBaseTrainer)
    return trainer


def batch_of(num_frames: int = 5) -> Batch:
    return read_batch(TinySet(num_frames=num_frames), range(4), torch.device("cpu"))


def copy(module: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in module.state_dict().items()}


def changed(module: nn.Module, before: dict[str, torch.Tensor]) -> set[str]:
    return {key for key, value in module.state_dict().items() if not torch.equal(value, before[key])}


def test_total_is_the_weighted_sum(tmp_path: Path) -> None:
    losses = make(tmp_path).train_step(batch_of())
    assert set(losses) == {"loss", "l1", "sync", "adversarial", "disc_real", "disc_fake"}
    expected = 0.77 * losses["l1"] + 0.03 * losses["sync"] + 0.2 * losses["adversarial"]
    assert losses["loss"].item() == pytest.approx(expected.item(), rel=1e-6)


def test_frozen_expert_stays_as_it_is(tmp_path: Path) -> None:
    expert = TinyExpert().train()
    before = copy(expert)
    trainer = make(tmp_path, parts={"expert": expert, "discriminator": TinyDiscriminator()})
    trainer.fit(TinySet(num_frames=5), TinySet(5, num_frames=5))
    trainer.model.train()
    assert not any(module.training for module in expert.modules())
    assert changed(expert, before) == set()
    assert all(value.grad is None and not value.requires_grad for value in expert.parameters())
    assert "expert" not in torch.load(trainer.run.last, weights_only=True)["parts"]


def test_generator_learns_from_the_expert_through_its_frames(tmp_path: Path) -> None:
    trainer = make(tmp_path, l1_weight=0.0, adversarial_weight=0.0, sync_weight=1.0)
    before = copy(trainer.model)
    trainer.train_step(batch_of())
    assert "conv.weight" in changed(trainer.model, before)


def test_each_step_moves_its_own_network(tmp_path: Path) -> None:
    trainer = make(tmp_path)
    batch = batch_of()
    discriminator, model = copy(trainer.adversary.network), copy(trainer.model)
    weights = trainer.weights_at(0)
    fake = trainer.model.infer(batch)
    losses = trainer.generator_losses(batch, fake, weights)
    trainer.optimize(trainer.optimizer, sum(losses[name] * weights[name] for name in weights))  # type: ignore[arg-type]
    assert changed(trainer.adversary.network, discriminator) == set()
    assert all(value.grad is None for value in trainer.adversary.network.parameters())
    assert "conv.weight" in changed(trainer.model, model)
    model = copy(trainer.model)
    trainer.discriminator_step(batch[GT], fake.detach())
    assert changed(trainer.adversary.network, discriminator) == {"conv.weight", "conv.bias"}
    assert changed(trainer.model, model) == set()
    rates = [group["lr"] for group in trainer.adversary.optimizer.param_groups]
    assert rates == [5e-4]


def test_what_has_no_weight_is_not_needed(tmp_path: Path) -> None:
    trainer = make(tmp_path, parts={}, sync_weight=0.0, adversarial_weight=0.0, l1_weight=1.0, num_frames=1)
    assert not hasattr(trainer, "expert")
    assert not hasattr(trainer, "adversary")
    assert set(trainer.train_step(batch_of(1))) == {"loss", "l1"}
    assert set(trainer.state()) == {"model", "optimizer"}


class Refuses(nn.Module):
    def forward(self, *_: object) -> torch.Tensor:
        raise AssertionError("computed before its start")

    def generated_loss(self, *_: object) -> torch.Tensor:
        raise AssertionError("computed before its start")


def test_terms_start_at_their_steps(tmp_path: Path) -> None:
    trainer = make(tmp_path, sync_start_step=2, disc_start_step=3)
    names = [set(trainer.weights_at(step)) for step in range(4)]
    assert names == [{"l1"}, {"l1"}, {"l1", "sync"}, {"l1", "sync", "adversarial"}]
    trainer.expert = Refuses()  # type: ignore[assignment]
    trainer.adversary = Adversary(Refuses(), trainer.adversary.optimizer)
    trainer.train_step(batch_of())


def test_validation_counts_sync_from_the_start(tmp_path: Path) -> None:
    trainer = make(tmp_path, sync_start_step=100)
    values = trainer.validate(TinySet(5, num_frames=5))
    assert set(values) == {"loss", "l1", "sync"}
    assert values["loss"] == pytest.approx(0.77 * values["l1"] + 0.03 * values["sync"], rel=1e-6)


def test_missing_expert(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs the sync expert"):
        make(tmp_path, parts={"discriminator": TinyDiscriminator()})


def test_resume_takes_over_the_discriminator(tmp_path: Path) -> None:
    trainer = make(tmp_path)
    trainer.fit(TinySet(num_frames=5))
    config = trainer.config
    again = tiny_trainer(
        config, trainer.run, HyperLipsBaseTrainer, expert=TinyExpert(), discriminator=TinyDiscriminator()
    )
    again.fit(TinySet(num_frames=5))
    assert isinstance(again, HyperLipsBaseTrainer)
    assert changed(again.adversary.network, copy(trainer.adversary.network)) == set()
    moments = again.adversary.optimizer.state_dict()["state"]
    assert float(moments[0]["step"]) == 4
