"""A loss or gradient that is not finite changes no weight, and is told with the samples of its batch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from test_resume import losses_of, weights_of
from tiny import RESUME, TinyFace, TinySet, tiny_config, tiny_trainer
from torch import Tensor, nn

from talkingface.config.schema import ModelConfig
from talkingface.trainer.loader import step_samples
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.schedule import make_optimizer
from talkingface.trainer.step_guard import KeptBuffers, StepGuard
from talkingface.trainer.trainer import Trainer
from talkingface.utils.errors import NotFiniteError

RECIPE = RESUME | {"max_steps": 12, "log_every": 4, "save_every": 20, "valid_every": 20}


class NamedSet(TinySet):
    def describe(self, i: int) -> dict[str, Any]:
        return {"clip": f"speaker/clip {i % len(self)}", "frame": i}


class Bad(Trainer):
    """Its loss, or its gradient alone, is not finite in some steps; remembers the weights around each step."""

    at: tuple[int, ...] = ()
    kind = "loss"

    def train_step(self, batch: Any) -> dict[str, Tensor]:
        before = [weight.detach().clone() for weight in self.model.parameters()]
        is_bad = self.progress.step + 1 in self.at
        with self.autocast():
            losses = self.model.calculate_loss(batch)
        loss = losses["loss"]
        if is_bad and self.kind == "loss":
            loss = loss * float("nan")
        elif is_bad:
            loss = loss + Explodes.apply(next(self.model.parameters()).sum())
        self.optimize(self.optimizer, loss)
        after = [torch.equal(one, other) for one, other in zip(before, self.model.parameters(), strict=True)]
        part, parts = self.share
        assert all(after) if is_bad or part + 1 < parts else not any(after)
        return losses | {"loss": loss}


class Explodes(torch.autograd.Function):
    """Nothing forwards, infinity backwards."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.detach() * 0

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * float("inf")


def fit(folder: Path, at: tuple[int, ...], kind: str = "loss", **recipe: Any) -> RunFolder:
    run = RunFolder(folder / "run")
    config = tiny_config(folder, **RECIPE | recipe)
    trainer = tiny_trainer(config, run, Bad)
    trainer.at, trainer.kind = at, kind  # type: ignore[attr-defined]
    trainer.fit(NamedSet(), NamedSet(5))
    return run


def lines_of(run: RunFolder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.path / "not_finite.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("kind", ["loss", "gradient"])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_training_stops_and_names_the_batch(tmp_path: Path, kind: str, accumulate: int) -> None:
    with pytest.raises(NotFiniteError) as caught:
        fit(tmp_path, (6,), kind, accumulate_steps=accumulate)
    run, (line,) = RunFolder(tmp_path / "run"), str(caught.value).splitlines()
    config = tiny_config(tmp_path, **RECIPE, accumulate_steps=accumulate)
    samples = step_samples(NamedSet(), config, step=6)
    assert len(samples) == 4 * accumulate
    (written,) = lines_of(run)
    assert written["samples"] == [{"sample": i, **NamedSet().describe(i)} for i in samples]
    assert written["step"] == 6 and (written["losses"]["loss"] == "nan") == (kind == "loss")
    assert (
        line.startswith(f"step 6: a {kind} is not finite (")
        and f"its batch is of {written['samples'][0]['clip']}" in line
    )
    assert str(run.path / "not_finite.jsonl") in line and "no weight was changed" in line and "skip_nonfinite" in line
    assert caught.value.exit_code == 4
    assert [line["step"] for line in run.read_metrics()] == [4]


@pytest.mark.parametrize("kind", ["loss", "gradient"])
def test_so_many_in_a_row_are_passed_over(tmp_path: Path, kind: str) -> None:
    run = fit(tmp_path, (2, 3, 5, 6, 9), kind, skip_nonfinite=2)
    assert [line["step"] for line in lines_of(run)] == [2, 3, 5, 6, 9]
    assert run.status()["finished"]
    train = [line for line in run.read_metrics() if line["split"] == "train"]
    assert [line["step"] for line in train] == [4, 8, 12]
    text = (tmp_path / "log/run/train.log").read_text()
    assert text.count("is not finite") == 5 and "passed over, see not_finite.jsonl" in text
    again = tmp_path / "more"
    with pytest.raises(NotFiniteError, match=r"step 7: .*the 3th in a row"):
        fit(again, (5, 6, 7), kind, skip_nonfinite=2)


def test_a_count_goes_on_over_a_resume_and_a_stopped_run_with_a_larger_one(tmp_path: Path) -> None:
    with pytest.raises(NotFiniteError):
        fit(tmp_path, (5, 6), skip_nonfinite=1, save_every=5)
    with pytest.raises(NotFiniteError, match="step 6"):
        fit(tmp_path, (6,), skip_nonfinite=1, save_every=5)  # step 5 was bad, and is saved
    assert fit(tmp_path, (6,), skip_nonfinite=2, save_every=5).status()["finished"]


def test_statistics_of_a_bad_batch_do_not_stay(tmp_path: Path) -> None:
    """A damaged sound or picture makes batch statistics not finite, too: they are put back, and training goes on."""

    class Poisoned(TinyFace):
        calls = 0

        def infer(self, batch: Mapping[str, Tensor]) -> Tensor:
            if self.training:
                self.calls += 1
            poison = float("nan") if self.training and self.calls == 5 else 1.0
            return super().infer({key: value * poison for key, value in batch.items()})

    config = tiny_config(tmp_path, **RECIPE, skip_nonfinite=1)
    run = RunFolder(tmp_path / "run")
    trainer = Trainer(config, Poisoned(config), run=run, device=torch.device("cpu"))
    trainer.fit(NamedSet(), NamedSet(5))
    assert [line["step"] for line in lines_of(run)] == [5]
    assert run.status()["finished"] and bool(torch.isfinite(trainer.model.norm.running_mean).all())  # type: ignore[union-attr]


@pytest.mark.parametrize("skip", [0, 3])
def test_an_ordinary_training_is_the_same_bit_for_bit(
    tmp_path: Path, skip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against optimizers that step by themselves."""
    ours = fit(tmp_path / "ours", (), skip_nonfinite=skip)
    monkeypatch.setattr(StepGuard, "step", lambda self, optimizer, norm: optimizer.step())
    plain = fit(tmp_path / "plain", ())
    assert losses_of(ours) == losses_of(plain)
    assert weights_of(ours.last) == weights_of(plain.last)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_optimizers_count_no_step_that_they_did_not_take(kind: Any, fused: bool) -> None:
    network = nn.Linear(3, 2)
    optimizer = make_optimizer(network, ModelConfig(optimizer=kind), learning_rate=0.1)
    for group in optimizer.param_groups:
        group["fused"] = fused
    guard = StepGuard()
    for norm in (1.0, float("inf"), 1.0):
        before = network.weight.detach().clone()
        network(torch.ones(1, 3)).sum().backward()
        guard.begin()
        guard.step(optimizer, torch.tensor(norm))
        assert torch.equal(network.weight, before) == (norm != 1.0)
        assert not hasattr(optimizer, "found_inf")
    assert float(optimizer.state[network.weight]["step"]) == 2


def test_one_bad_optimizer_holds_back_those_after_it() -> None:
    networks = [nn.Linear(1, 1) for _ in range(2)]
    guard = StepGuard()
    for network, norm in zip(networks, (float("nan"), 1.0), strict=True):
        before = network.weight.detach().clone()
        network(torch.ones(1, 1)).sum().backward()
        guard.step(make_optimizer(network, ModelConfig(), learning_rate=0.1), torch.tensor(norm))
        assert torch.equal(network.weight, before)
    kept = KeptBuffers([norm := nn.BatchNorm1d(2)])
    norm(torch.full((4, 2), float("nan")))
    kept.put_back_if(torch.tensor(False))
    assert not bool(torch.isfinite(norm.running_mean).all())  # type: ignore[arg-type]
    kept.put_back_if(torch.tensor(True))
    assert torch.equal(norm.running_mean, torch.zeros(2)) and int(norm.num_batches_tracked) == 0  # type: ignore[arg-type]
