"""The average of the weights: its numbers, who draws with it, what checkpoints hold, and that it leaves no trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from test_resume import CutError, CutTrainer, losses_of, weights_of
from tiny import RESUME, TinyFace, TinySet, tiny_config, tiny_trainer
from torch import Tensor, nn

from talkingface.config.schema import ModelConfig
from talkingface.model.checkpoint import Checkpoint
from talkingface.trainer.averaging import AveragedWeights
from talkingface.trainer.run_folder import RunFolder

RECIPE: dict[str, Any] = RESUME | {"max_steps": 12, "valid_every": 3, "ema_decay": 0.9}


def read(path: Path) -> dict[str, Any]:
    contents: dict[str, Any] = torch.load(path, weights_only=True)
    return contents


def trained(folder: Path, **recipe: Any) -> RunFolder:
    torch.set_num_threads(1)
    config = tiny_config(folder, **RECIPE | recipe)
    run = RunFolder.create(config)
    tiny_trainer(config, run).fit(TinySet(), TinySet(5))
    return run


def test_the_average_is_that_of_the_formula(tmp_path: Path) -> None:
    """Worked out again from the weights of every step, in float64."""
    run = trained(tmp_path, keep_every=1, max_steps=4)
    first = tiny_trainer(tiny_config(tmp_path / "other", **RECIPE)).model.conv.weight  # type: ignore[union-attr]
    wanted = first.detach().double()
    for step in range(1, 5):
        own = read(run.step_checkpoint(step))["parts"]["model"]["conv.weight"].double()
        decay = min(0.9, (1 + step) / (10 + step))
        wanted = decay * wanted + (1 - decay) * own
    torch.testing.assert_close(read(run.last)["parts"]["ema"]["conv.weight"].double(), wanted, rtol=1e-5, atol=1e-7)


def test_best_holds_the_average_and_last_the_weights(tmp_path: Path) -> None:
    run = trained(tmp_path)
    best, last = read(run.best), read(run.last)
    assert "model" in best["parts"] and "model" not in last["parts"]
    for key, value in best["parts"]["ema"].items():
        assert torch.equal(best["state_dict"][key], value)
        assert not torch.equal(best["parts"]["model"][key], value)
    assert set(last["parts"]["ema"]) == {"norm.weight", "norm.bias", "conv.weight", "conv.bias"}
    assert torch.equal(best["state_dict"]["norm.running_mean"], best["parts"]["model"]["norm.running_mean"])


def test_validation_is_of_the_average(tmp_path: Path) -> None:
    """The best checkpoint's network, loaded as any, gives the loss that made it the best."""
    run = trained(tmp_path)
    config = tiny_config(tmp_path / "again", **RECIPE | {"ema_decay": None})
    again = tiny_trainer(config)
    Checkpoint.read(run.best).load_into(again.model)
    assert again.validate(TinySet(5))["loss"] == run.status()["best_score"]


@pytest.mark.parametrize("at", [4, 8])
def test_resume_is_bit_identical(tmp_path: Path, at: int) -> None:
    whole = trained(tmp_path / "whole")
    config = tiny_config(tmp_path / "cut", **RECIPE)
    run = RunFolder.create(config)
    CutTrainer.at = at
    with pytest.raises(CutError):
        tiny_trainer(config, run, CutTrainer).fit(TinySet(), TinySet(5))
    tiny_trainer(config, run).fit(TinySet(), TinySet(5))
    assert losses_of(run) == losses_of(whole) and weights_of(run.last) == weights_of(whole.last)
    averages = [read(one.last)["parts"]["ema"] for one in (run, whole)]
    assert all(torch.equal(value, averages[1][key]) for key, value in averages[0].items())


def test_going_on_from_a_checkpoint_to_draw_with_takes_the_weights_themselves(tmp_path: Path) -> None:
    whole, run = trained(tmp_path / "whole", keep_every=6), trained(tmp_path / "half", keep_every=6, max_steps=6)
    run.step_checkpoint(6).replace(run.last)
    tiny_trainer(tiny_config(tmp_path / "half", **RECIPE), run).fit(TinySet(), TinySet(5))
    assert weights_of(run.last) == weights_of(whole.last)


def test_it_leaves_no_trace_in_the_training(tmp_path: Path) -> None:
    with_it, without = trained(tmp_path / "with"), trained(tmp_path / "without", ema_decay=None)
    assert weights_of(with_it.last) == weights_of(without.last)
    assert "ema" not in read(without.last)["parts"]
    trained_lines = [[line for line in losses_of(run) if line[1] == "train"] for run in (with_it, without)]
    assert trained_lines[0] == trained_lines[1]


def test_samples_are_drawn_with_the_average_and_the_weights_come_back(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, **RECIPE | {"sample_every": 12})
    seen: list[Tensor] = []

    class Watched(TinyFace):
        def predict(self, batch: Any) -> Tensor:
            seen.append(self.conv.weight.detach().clone())
            return super().predict(batch)

    run = RunFolder.create(config)
    trainer = tiny_trainer(config, run)
    trainer.model.__class__ = Watched
    trainer.fit(TinySet(), TinySet(5))
    last = read(run.last)
    assert seen and torch.equal(seen[-1], last["parts"]["ema"]["conv.weight"])
    assert not torch.equal(seen[-1], last["state_dict"]["conv.weight"])


def test_buffers_are_the_networks_own_and_frozen_weights_are_not_averaged() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    model[0].requires_grad_(False)
    average = AveragedWeights(model, 0.5)
    assert list(average.state_dict()) == ["1.weight", "1.bias"]
    model[1].running_mean.fill_(3)  # type: ignore[union-attr,operator]
    assert average.drawing_weights()["1.running_mean"].tolist() == [3, 3]
    with pytest.raises(ValueError, match="average is of other weights"):
        average.load_state_dict({"1.weight": torch.ones(2)})


@pytest.mark.parametrize("decay", [0.0, 1.0, -1, 2])
def test_a_decay_that_is_none(decay: float) -> None:
    with pytest.raises(ValueError, match="ema_decay: wanted a number between 0 and 1, or none"):
        ModelConfig(ema_decay=decay)
