"""CUDA against the CPU. On a machine with a card: python -m pytest -m gpu tests/trainer/test_gpu.py"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import RESUME, TinyFace, TinySet, tiny_config
from torch.utils.data import default_collate

from benchmarks.gpu_parts.subjects import MODELS, Subject
from talkingface.batch import to_network
from talkingface.config.schema import Config
from talkingface.trainer.feed import Feed
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.trainer import Trainer
from talkingface.utils.device import set_policy
from talkingface.utils.seed import init_seed

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device"),
]
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(autouse=True)
def usual_policy() -> Iterator[None]:
    yield
    set_policy(CPU, precision="fp32", deterministic=False)


def configured(folder: Path, recipe: dict[str, Any], **run: Any) -> Config:
    config = tiny_config(folder, **recipe)
    return replace(config, run=replace(config.run, **run))


def fit(config: Config, device: torch.device, run: RunFolder | None = None) -> Trainer:
    """Train a network without dropout, whose random numbers differ between devices."""
    init_seed(0)
    network = TinyFace(config)
    network.dropout.p = 0.0
    trainer = Trainer(config, network, run=run or RunFolder.create(config), device=device)
    trainer.fit(TinySet(), TinySet(5))
    return trainer


def losses_of(trainer: Trainer) -> list[float]:
    return [line["loss"] for line in trainer.run.read_metrics() if line["split"] == "train"]


def test_a_training_has_the_losses_of_the_cpu(tmp_path: Path) -> None:
    losses = [losses_of(fit(configured(tmp_path / device.type, RESUME), device)) for device in (CPU, CUDA)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


@pytest.mark.parametrize("model", MODELS)
def test_a_step_of_each_recipe_has_the_losses_of_the_cpu(tmp_path: Path, model: str) -> None:
    found = []
    for device in (CPU, CUDA):
        subject = Subject.make(model, CPU, tmp_path, tiny=False, train_batch_size=2)
        subject.device = device
        subject.batch = {key: value.to(device) for key, value in subject.batch.items()}
        losses = subject.trainer(precision="fp32").train_step(subject.batch)
        found.append({name: float(value) for name, value in losses.items()})
    assert found[1] == pytest.approx(found[0], rel=2e-3, abs=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize("model", MODELS)
def test_nothing_waits_for_the_device_inside_a_step(tmp_path: Path, model: str, precision: str) -> None:
    if precision == "bf16" and not torch.cuda.is_bf16_supported(including_emulation=False):
        pytest.skip("the card has no bf16")
    subject = Subject.make(model, CUDA, tmp_path, tiny=False, train_batch_size=2)
    trainer = subject.trainer(precision=precision)
    for _ in range(2):  # kernels are chosen, states made
        trainer.train_step(subject.batch)
    torch.cuda.set_sync_debug_mode("error")
    try:
        losses = trainer.train_step(subject.batch)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert all(bool(torch.isfinite(value)) for value in losses.values())


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_resumed_training_is_the_one_that_was_not_cut(tmp_path: Path, precision: str) -> None:
    def config(name: str, steps: int) -> Config:
        return configured(tmp_path / name, RESUME | {"max_steps": steps}, precision=precision, deterministic=True)

    whole, first = fit(config("whole", 12), CUDA), fit(config("cut", 7), CUDA)
    again = fit(config("cut", 12), CUDA, first.run)
    assert losses_of(again) == losses_of(whole)
    for key, value in whole.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[key], value), key


def test_batches_copied_in_a_stream_of_their_own_are_whole() -> None:
    stored = [default_collate([TinySet(size=64)[k + n] for k in range(4)]) for n in range(20)]
    pinned = [{key: value.pin_memory() for key, value in batch.items()} for batch in stored]
    feed, busy = Feed(CUDA), torch.randn(2048, 2048, device=CUDA)
    sums = []
    for batch in pinned:
        for _ in range(5):
            busy = busy @ busy / 2048
        given = feed(batch)
        sums.append(torch.stack([given[key].double().sum() for key in sorted(given)]))
        del given
    for total, batch in zip(sums, stored, strict=True):
        wanted = to_network(batch, CPU)
        expected = torch.stack([wanted[key].double().sum() for key in sorted(wanted)])
        torch.testing.assert_close(total.cpu(), expected)


def test_compiled_it_learns_the_same(tmp_path: Path) -> None:
    pytest.importorskip("triton")
    recipe = RESUME | {"max_steps": 4}
    losses = [losses_of(fit(configured(tmp_path / how, recipe, compile=how), CUDA)) for how in ("none", "default")]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
