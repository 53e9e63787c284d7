"""The loop with a model of ten lines: losses fall, logs, validation, best checkpoint, failures."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny import RESUME, TinyFace, TinySet, ticking, tiny_config, tiny_trainer
from torch import Tensor, nn

from talkingface.batch import GT, INPUT_FRAMES, Batch
from talkingface.model.base import AbstractTalkingFace
from talkingface.model.checkpoint import Checkpoint
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.trainer import Trainer
from talkingface.utils.device import arithmetic
from talkingface.utils.errors import UserError
from talkingface.utils.seed import rng_state


class TenLines(AbstractTalkingFace):
    def __init__(self, config: object) -> None:
        super().__init__(config)  # type: ignore[arg-type]
        self.bias = nn.Parameter(torch.zeros(3, 1, 1, 1))

    def infer(self, batch: Mapping[str, Tensor]) -> Tensor:
        return (batch[INPUT_FRAMES][:, :3] + self.bias).sigmoid()

    def calculate_loss(self, batch: Mapping[str, Tensor], valid: bool = False) -> dict[str, Tensor]:
        return {"loss": (self.infer(batch) - batch[GT]).square().mean()}


def points(config_folder: Path, run: RunFolder, name: str) -> list[tuple[int, float]]:
    events = EventAccumulator(str(config_folder / "log" / run.name))
    events.Reload()
    return [(point.step, point.value) for point in events.Scalars(name)]


def test_model_of_ten_lines_learns(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, max_steps=40, log_every=10, valid_every=20, learning_rate=0.05)
    run = RunFolder.create(config)
    model = TenLines(config.model)
    result = Trainer(config, model, run=run, device=torch.device("cpu")).fit(TinySet(), TinySet(5))
    lines = run.read_metrics()
    train = [line for line in lines if line["split"] == "train"]
    assert [line["step"] for line in train] == [10, 20, 30, 40]
    assert train[-1]["loss"] < train[0]["loss"]
    assert train[1]["epoch"] == pytest.approx(20 * 4 / 7, abs=1e-4)
    valid = [line["loss"] for line in lines if line["split"] == "valid"]
    assert result.best_score == min(valid)
    assert (result.steps, result.best, result.last) == (40, run.best, run.last)
    assert run.status() | {"finished": True, "steps": 40, "best_score": min(valid)} == run.status()


def test_optimizer_step_is_adams(tmp_path: Path) -> None:
    """The first step of Adam moves every weight by the learning rate against its gradient's sign."""
    config = tiny_config(tmp_path, max_steps=1, learning_rate=0.05)
    model = TenLines(config.model)
    Trainer(config, model, run=RunFolder.create(config), device=torch.device("cpu")).fit(TinySet())
    assert torch.allclose(model.bias.detach().abs(), torch.full((3, 1, 1, 1), 0.05), atol=1e-5)


def test_best_checkpoint_is_that_of_the_lowest_validation(tmp_path: Path) -> None:
    class Scripted(Trainer):
        scores = iter([0.5, 0.3, 0.4, 0.6])

        def validate(self, dataset: object) -> dict[str, float]:
            return {"loss": next(self.scores), "accuracy": 0.1}

    config = tiny_config(tmp_path, max_steps=100, valid_every=2, early_stopping=2, keep_every=3)
    trainer = tiny_trainer(config, kind=Scripted)
    result = trainer.fit(TinySet(), TinySet(5))
    assert result.steps == 8  # 0.4 and 0.6 at steps 6 and 8 are no better than 0.3 at step 4
    contents = torch.load(result.best, weights_only=True)
    assert contents["progress"]["step"] == 4
    assert contents["metrics"] == {"loss": 0.3, "accuracy": 0.1}
    assert sorted(path.name for path in trainer.run.checkpoints.iterdir()) == [
        "best.pth", "last.pth", "step-3.pth", "step-6.pth",
    ]  # fmt: skip


def test_without_validation_the_last_is_the_best(tmp_path: Path) -> None:
    result = tiny_trainer(tiny_config(tmp_path, max_steps=2)).fit(TinySet(), None)
    assert result.best_score is None
    assert result.best == result.last


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_loss_that_is_not_finite_stops_and_keeps_the_checkpoint(tmp_path: Path, bad: float) -> None:
    class Bad(Trainer):
        def train_step(self, batch: Batch) -> dict[str, Tensor]:
            losses = super().train_step(batch)
            return losses | {"l1": losses["l1"] * (bad if self.progress.step == 12 else 1)}

    config = tiny_config(tmp_path, **RESUME | {"log_every": 100})
    trainer = tiny_trainer(config, kind=Bad)
    with pytest.raises(UserError, match=r"step 13: a loss is not finite \(l1 (nan|inf), loss 0\."):
        trainer.fit(TinySet(), TinySet(5))
    assert torch.load(trainer.run.last, weights_only=True)["progress"]["step"] == 10
    Checkpoint.read(trainer.run.last).load_into(TinyFace(config))
    assert not trainer.run.status()["finished"]
    assert tiny_trainer(config, trainer.run).fit(TinySet(), TinySet(5)).steps == RESUME["max_steps"]


def test_no_training_data(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least one sample"):
        tiny_trainer(tiny_config(tmp_path)).fit(TinySet(0))


def test_validation_repeats_itself_and_leaves_no_trace(tmp_path: Path) -> None:
    class Noisy(TinyFace):
        def calculate_loss(self, batch: Mapping[str, Tensor], valid: bool = False) -> dict[str, Tensor]:
            assert valid
            assert not self.training
            assert not torch.is_grad_enabled()
            return {"loss": super().calculate_loss(batch)["loss"] + torch.rand(())}

    config = tiny_config(tmp_path, valid_batches=2)
    model = Noisy(config).train()
    trainer = Trainer(config, model, run=RunFolder.create(config), device=torch.device("cpu"))
    torch.rand(7)
    before, weights = rng_state(), {key: value.clone() for key, value in model.state_dict().items()}
    first, second = trainer.validate(TinySet(6)), trainer.validate(TinySet(6))
    assert first == second
    assert torch.equal(rng_state()["torch"], before["torch"])
    assert rng_state()["python"] == before["python"]
    assert model.training
    assert all(torch.equal(value, weights[key]) for key, value in model.state_dict().items())


def test_validation_mean_weighs_samples_equally(tmp_path: Path) -> None:
    """Six samples in batches of four and two: the same mean as one sample at a time."""
    config = tiny_config(tmp_path)
    trainer = tiny_trainer(config)
    alone = tiny_trainer(replace(config, model=replace(config.model, evaluate_batch_size=1)))
    alone.model.load_state_dict(trainer.model.state_dict())
    assert trainer.validate(TinySet(6))["loss"] == pytest.approx(alone.validate(TinySet(6))["loss"], rel=1e-6)


def test_bf16_trains_with_float32_weights_and_losses(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, max_steps=2)
    config = replace(config, run=replace(config.run, precision="bf16"))
    trainer = tiny_trainer(config)
    seen: list[torch.dtype] = []
    trainer.model.conv.register_forward_hook(lambda _m, _i, out: seen.append(out.dtype))  # type: ignore[union-attr]
    trainer.fit(TinySet())
    assert set(seen) == {torch.bfloat16}
    assert {value.dtype for value in trainer.model.parameters()} == {torch.float32}


def test_gradients_are_clipped(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, grad_clip_norm=1e-3)
    trainer = tiny_trainer(config)
    loss = sum(value.square().sum() for value in trainer.model.parameters()) * 1000
    assert isinstance(loss, Tensor)
    trainer.optimize(trainer.optimizer, loss)
    gradients = [value.grad.flatten() for value in trainer.model.parameters() if value.grad is not None]
    assert float(torch.cat(gradients).norm()) == pytest.approx(1e-3, rel=1e-3)


class Notes(Trainer):
    """Keeps each step's gradients, and notes a quantity of its own."""

    def set_up(self) -> None:
        self.norms: list[float] = []

    def train_step(self, batch: Batch) -> dict[str, Tensor]:
        losses = super().train_step(batch)
        gradients = [value.grad.flatten() for value in self.model.parameters() if value.grad is not None]
        self.norms.append(float(torch.cat(gradients).double().square().sum().sqrt()))
        self.note("steps_done", torch.tensor(float(self.progress.step)))
        if self.progress.step == 2:
            self.note("odd", torch.tensor(math.nan))
        return losses


def test_what_is_noted_stands_beside_the_losses(tmp_path: Path) -> None:
    trainer = tiny_trainer(tiny_config(tmp_path, max_steps=6, log_every=3), kind=Notes)
    trainer.fit(TinySet())
    assert isinstance(trainer, Notes)
    lines = [line for line in trainer.run.read_metrics() if line["split"] == "train"]
    assert [line["steps_done"] for line in lines] == [1.0, 4.0]  # means of 0, 1, 2 and 3, 4, 5
    assert [line["grad_norm"] for line in lines] == pytest.approx([trainer.norms[2], trainer.norms[5]], rel=1e-5)
    assert points(tmp_path, trainer.run, "train/grad_norm") == [
        (3, pytest.approx(trainer.norms[2], rel=1e-5)), (6, pytest.approx(trainer.norms[5], rel=1e-5))
    ]  # fmt: skip
    assert "train/steps_done" in tags(tmp_path, trainer.run)
    assert not any("odd" in line for line in lines), "a note that is not a number stops nothing and is left out"


def test_the_noted_norm_is_that_before_clipping(tmp_path: Path) -> None:
    recipe = {"max_steps": 1, "log_every": 1}
    norms = []
    for name, clip in (("free", None), ("clipped", 1e-3)):
        trainer = tiny_trainer(tiny_config(tmp_path / name, **recipe, grad_clip_norm=clip))
        trainer.fit(TinySet())
        norms.append(trainer.run.read_metrics()[0]["grad_norm"])
    assert norms[0] == norms[1] > 1e-3


def test_norms_of_networks_that_are_no_part_of_the_training_are_not_noted(tmp_path: Path) -> None:
    trainer = tiny_trainer(tiny_config(tmp_path, log_every=1))
    other = nn.Linear(2, 1)
    trainer.optimize(torch.optim.SGD(other.parameters(), lr=0.1), other(torch.ones(1, 2)).sum())
    assert trainer.take_notes() == {}


def test_the_duration_is_told_after_the_first_steps(tmp_path: Path) -> None:
    trainer = tiny_trainer(tiny_config(tmp_path, max_steps=30))
    trainer.clock = ticking(20)
    trainer.fit(TinySet())
    assert " 30 steps, about 10 min 0 s at this speed\n" in log_of(tmp_path, trainer.run)
    longer = tiny_config(tmp_path, max_steps=60)
    again = tiny_trainer(longer, trainer.run)
    again.clock = ticking(10)
    again.fit(TinySet())
    assert " 30 of 60 steps left, about 5 min 0 s at this speed\n" in log_of(tmp_path, trainer.run)


def test_precision_is_told_where_the_machine_decides_it(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, max_steps=1)
    trainer = tiny_trainer(replace(config, run=replace(config.run, precision="auto")))
    trainer.fit(TinySet())
    word = arithmetic(torch.device("cpu"), "auto")
    (line,) = re.findall(r"device: (cpu .*)", log_of(tmp_path, trainer.run))
    assert line.endswith((f"free), {word} (auto)", f"s), {word} (auto)"))


def log_of(folder: Path, run: RunFolder) -> str:
    return (folder / "log" / run.name / "train.log").read_text()


def test_learning_rate_of_each_step_is_the_schedules(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, max_steps=4, log_every=1, lr_schedule="cosine", warmup_steps=2, learning_rate=0.1)
    trainer = tiny_trainer(config)
    trainer.fit(TinySet())
    rates = [line["learning_rate"] for line in trainer.run.read_metrics()]
    cosine = [0.02 + 0.98 * (1 + math.cos(math.pi * step / 4)) / 2 for step in range(4)]
    assert rates == pytest.approx([0.1 * c * w for c, w in zip(cosine, [0.5, 1, 1, 1], strict=True)])


def test_tensorboard_has_each_point_once_after_a_resume(tmp_path: Path) -> None:
    class Cut(Trainer):
        def train_step(self, batch: Batch) -> dict[str, Tensor]:
            if self.progress.step == 8:
                raise KeyboardInterrupt
            return super().train_step(batch)

    config = tiny_config(tmp_path, **RESUME | {"max_steps": 12})
    run = RunFolder.create(config)
    with pytest.raises(KeyboardInterrupt):
        tiny_trainer(config, run, Cut).fit(TinySet(), TinySet(5))
    tiny_trainer(config, run).fit(TinySet(), TinySet(5))
    told = {line["step"]: line["loss"] for line in run.read_metrics() if line["split"] == "train"}
    assert [step for step, _ in points(tmp_path, run, "train/loss")] == list(range(1, 13))
    assert dict(points(tmp_path, run, "train/loss")) == pytest.approx(told)
    assert [step for step, _ in points(tmp_path, run, "valid/l1")] == [7, 12]
    assert {"train/learning_rate", "train/steps_per_second", "train/data_wait"} <= tags(tmp_path, run)
    assert "step 12" in (tmp_path / "log" / run.name / "train.log").read_text()


def tags(folder: Path, run: RunFolder) -> set[str]:
    events = EventAccumulator(str(folder / "log" / run.name))
    events.Reload()
    return set(events.Tags()["scalars"])
