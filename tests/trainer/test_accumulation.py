"""Gradients of several batches make one step: the same as one large batch, and a resume finds its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from tiny import PlainFace, TinySet, tiny_config

from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.trainer import Trainer
from talkingface.utils.seed import init_seed


def fit(folder: Path, *, run: RunFolder | None = None, **recipe: int) -> tuple[Trainer, dict[str, torch.Tensor]]:
    config = tiny_config(folder, log_every=1, save_every=1, **recipe)
    init_seed(0)
    trainer = Trainer(config, PlainFace(config), run=run or RunFolder.create(config), device=torch.device("cpu"))
    trainer.fit(TinySet(), TinySet(5))
    return trainer, {key: value.clone() for key, value in trainer.model.state_dict().items()}


def test_two_halves_are_one_batch(tmp_path: Path) -> None:
    _, halves = fit(tmp_path, train_batch_size=2, accumulate_steps=2, max_steps=3)
    trainer, whole = fit(tmp_path, train_batch_size=4, max_steps=3)
    for key, value in whole.items():
        torch.testing.assert_close(halves[key], value, rtol=1e-4, atol=1e-5)
    assert trainer.recipe.samples_per_step == 4


def test_a_resume_goes_on_with_the_next_batches(tmp_path: Path) -> None:
    first, _ = fit(tmp_path, train_batch_size=2, accumulate_steps=2, max_steps=2)
    _, resumed = fit(tmp_path, run=first.run, train_batch_size=2, accumulate_steps=2, max_steps=4)
    other, whole = fit(tmp_path, train_batch_size=2, accumulate_steps=2, max_steps=4)
    assert all(torch.equal(resumed[key], value) for key, value in whole.items())
    losses = [line["loss"] for line in other.run.read_metrics() if line["split"] == "train"]
    assert [line["loss"] for line in first.run.read_metrics() if line["split"] == "train"] == losses
    assert replace(other.recipe, accumulate_steps=1).samples_per_step == 2
