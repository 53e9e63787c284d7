"""fp16: losses are scaled, an overflow leaves the step out, and a checkpoint holds the scale."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from tiny import TinySet, tiny_config, tiny_trainer
from torch.utils.data import default_collate

from talkingface.batch import to_network
from talkingface.config.schema import Config
from talkingface.trainer.loss_scale import KEY
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.trainer import Trainer


def with_precision(config: Config, precision: str) -> Config:
    return replace(config, run=replace(config.run, precision=precision))


def make(folder: Path, precision: str, *, run: RunFolder | None = None, steps: int = 2) -> Trainer:
    config = with_precision(tiny_config(folder, max_steps=steps, log_every=1), precision)
    return tiny_trainer(config, run)


def scale_of(trainer: Trainer) -> float:
    return trainer.scales.of(trainer.optimizer).get_scale()


def test_gradients_are_those_of_the_plain_loss(tmp_path: Path) -> None:
    """However small: unscaled, these would be nothing in half precision."""
    gradients = []
    for precision in ("fp32", "fp16"):
        trainer = make(tmp_path / precision, precision)
        trainer.model.dropout.p = 0.0
        batch = to_network(default_collate([TinySet()[k] for k in range(4)]), trainer.device)
        with trainer.autocast():
            loss = trainer.model.calculate_loss(batch)["loss"]
        trainer.optimize(trainer.optimizer, loss * 1e-5)
        assert trainer.scales.enabled == (precision == "fp16")
        gradients.append(trainer.model.conv.weight.grad)
    assert gradients[0].abs().max() < 1e-6
    torch.testing.assert_close(gradients[1], gradients[0], rtol=0.02, atol=1e-9)


def test_an_overflow_leaves_the_step_out_and_halves_the_scale(tmp_path: Path) -> None:
    trainer = make(tmp_path, "fp16")
    before = {name: value.detach().clone() for name, value in trainer.model.named_parameters()}
    weight = next(iter(trainer.model.parameters()))
    trainer.optimize(trainer.optimizer, weight.sum() * float("inf"))
    assert all(torch.equal(value, before[name]) for name, value in trainer.model.named_parameters())
    assert scale_of(trainer) == 2**15


def test_a_resume_has_the_scale_and_another_precision_goes_on_without(tmp_path: Path) -> None:
    first = make(tmp_path, "fp16")
    scale = first.scales.of(first.optimizer)
    scale.scale(torch.zeros(()))  # the scale is made when it is first needed
    scale.update(4.0)
    first.fit(TinySet(4))
    stored = torch.load(first.run.last, weights_only=True)["parts"]["optimizer"]
    assert stored["param_groups"][0][KEY]["scale"] == 4.0
    again = make(tmp_path, "fp16", run=first.run, steps=3)
    again.fit(TinySet(4))
    assert scale_of(again) == 4.0
    other = make(tmp_path, "fp32", run=first.run, steps=4)
    other.fit(TinySet(4))
    assert other.progress.step == 4 and scale_of(other) == 1.0
    stored = torch.load(first.run.last, weights_only=True)["parts"]["optimizer"]
    assert KEY not in stored["param_groups"][0]
    assert make(tmp_path, "fp16", run=first.run, steps=5).fit(TinySet(4)).steps == 5
