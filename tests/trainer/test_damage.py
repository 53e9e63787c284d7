"""A run whose checkpoints are damaged or gone goes on from what is whole, and never loses what is there."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import RESUME, TinySet, tiny_config, tiny_trainer

from talkingface.model.checkpoint import Checkpoint
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.trainer import Trainer
from talkingface.utils.errors import CheckpointError, UserError

RECIPE = RESUME | {"max_steps": 12, "keep_every": 4, "video_every": 100}


class Stops(Trainer):
    """Is cut off before step 12."""

    def train_step(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        if self.progress.step == 11:
            raise InterruptedError
        return super().train_step(batch)


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was cut off after step 11: step-4, step-8, best (7) and last (10)."""
    folder = tmp_path_factory.mktemp("cut")
    run = RunFolder(folder / "run")
    with pytest.raises(InterruptedError):
        tiny_trainer(tiny_config(folder, **RECIPE), run, Stops).fit(TinySet(), TinySet(5))
    return run.path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("whole")
    run = RunFolder(folder / "run")
    tiny_trainer(tiny_config(folder, **RECIPE), run).fit(TinySet(), TinySet(5))
    return run


@pytest.fixture
def run(cut_off: Path, tmp_path: Path) -> RunFolder:
    shutil.copytree(cut_off, tmp_path / "run")
    return RunFolder(tmp_path / "run")


def go_on(run: RunFolder, **recipe: Any) -> Trainer:
    trainer = tiny_trainer(tiny_config(run.path.parent, **RECIPE | recipe), run)
    trainer.fit(TinySet(), TinySet(5))
    return trainer


def damage(path: Path) -> None:
    """Turn a bit of a weight."""
    contents = bytearray(path.read_bytes())
    weight = torch.load(path, weights_only=True)["state_dict"]["norm.running_mean"].numpy().tobytes()
    contents[contents.index(weight) + 5] ^= 4
    path.write_bytes(contents)


def step_of(path: Path) -> int:
    return torch.load(path, weights_only=True)["progress"]["step"]


def losses_of(run: RunFolder) -> list[tuple[int, str, float]]:
    return [(line["step"], line["split"], line["loss"]) for line in run.read_metrics()]


def hashes(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def train_log(run: RunFolder) -> str:
    return (run.path.parent / "log/run/train.log").read_text()


@pytest.mark.parametrize(
    ("bad", "gone", "name", "step"),
    [
        (["last"], [], "step-8", 8),
        ([], ["last"], "step-8", 8),
        (["last"], ["step-8"], "best", 7),
        (["last", "step-8", "best"], [], "step-4", 4),
    ],
)
def test_goes_on_from_the_newest_that_is_whole(
    run: RunFolder, whole: RunFolder, caplog: pytest.LogCaptureFixture,
    bad: list[str], gone: list[str], name: str, step: int,
) -> None:  # fmt: skip
    for one in bad:
        damage(run.checkpoints / f"{one}.pth")
    for one in gone:
        (run.checkpoints / f"{one}.pth").unlink()
    with caplog.at_level("INFO"):
        go_on(run)
    why = "missing" if gone == ["last"] else "damaged"
    for told in (caplog.text, train_log(run)):
        (line,) = [one for one in told.splitlines() if "going on from" in one]
        assert "last.pth" in line and why in line and line.endswith(f"going on from {name}.pth, step {step}")
    assert losses_of(run) == losses_of(whole)
    theirs = torch.load(whole.last, weights_only=True)["state_dict"]
    for key, value in torch.load(run.last, weights_only=True)["state_dict"].items():
        assert torch.equal(value, theirs[key])
    assert step_of(run.best) == step_of(whole.best)


@pytest.mark.parametrize("kind", ["damaged", "gone", "gone, an older run"])
def test_never_step_0_in_the_same_folder(run: RunFolder, kind: str) -> None:
    for path in run.checkpoints.glob("*.pth"):
        damage(path) if kind == "damaged" else path.unlink()
    if "older" in kind:
        status = run.status()
        del status["had_checkpoints"]
        run.status_file.write_text(json.dumps(status))
    before = hashes(run.path)
    with pytest.raises(CheckpointError) as caught:
        go_on(run)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{run.path}: was trained for 11 steps, and none of its checkpoints can be used (")
    assert "checkpoints/last.pth" in line and "--resume=never" in line and "Nothing was changed" in line
    assert ("damaged" if kind == "damaged" else "holds none") in line
    assert hashes(run.path) == before


def test_a_run_killed_before_its_first_save_starts_again(tmp_path: Path) -> None:
    class Early(Trainer):
        def train_step(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            if self.progress.step == 3:
                raise InterruptedError
            return super().train_step(batch)

    run = RunFolder(tmp_path / "run")
    config = tiny_config(tmp_path, **RECIPE)
    with pytest.raises(InterruptedError):
        tiny_trainer(config, run, Early).fit(TinySet(), TinySet(5))
    assert len(run.read_metrics()) == 3 and run.status()["had_checkpoints"] is False
    assert tiny_trainer(config, run).fit(TinySet(), TinySet(5)).steps == 12


def test_best_is_not_overwritten_by_a_worse_one(run: RunFolder) -> None:
    """From step 4 on the validation is worse than it was: what best.pth holds, of step 7, stays."""

    class Worse(Trainer):
        add = 0.1

        def validate(self, dataset: Any) -> dict[str, float]:
            return {name: value + self.add for name, value in super().validate(dataset).items()}

    best = run.best.read_bytes()
    score = Checkpoint.read(run.best).header.metrics["loss"]  # type: ignore[union-attr]
    (run.checkpoints / "step-4.pth").replace(run.last)
    config = tiny_config(run.path.parent, **RECIPE)
    tiny_trainer(config, run, Worse).fit(TinySet(), TinySet(5))
    assert run.best.read_bytes() == best
    assert train_log(run).count("best so far") == 0
    Worse.add = -0.1
    tiny_trainer(tiny_config(run.path.parent, **RECIPE | {"max_steps": 14}), run, Worse).fit(TinySet(), TinySet(5))
    assert Checkpoint.read(run.best).header.metrics["loss"] < score  # type: ignore[union-attr]
    assert step_of(run.best) == 14


def test_a_score_that_best_does_not_hold_is_forgotten(run: RunFolder) -> None:
    damage(run.best)
    trainer = go_on(run)
    assert "best.pth: damaged" in train_log(run) and "take its place" in train_log(run)
    assert step_of(run.best) == 12 == trainer.progress.best_step
    run.best.unlink()
    go_on(run, max_steps=14)
    assert "best.pth is missing; the best weights from here on take its place" in train_log(run)
    assert step_of(run.best) == 14


def test_of_another_recipe_is_no_damage(run: RunFolder) -> None:
    """No other checkpoint is tried in its place: they are all of that recipe."""
    contents = torch.load(run.last, weights_only=True)
    contents["parts"]["discriminator"] = {}
    torch.save(contents, run.last)
    with pytest.raises(CheckpointError, match="of another recipe"):
        go_on(run)


def test_leftovers_of_killed_saves_are_removed_under_the_lock(run: RunFolder) -> None:
    leftovers = [
        folder / f".tmp-{'0' * 15}{number}{suffix}"
        for folder in (run.path, run.checkpoints, run.samples, run.videos)
        for number, suffix in enumerate([".pth", ".json"])
    ]
    for path in leftovers:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 100_000)
    mine = run.checkpoints / ".tmp-notes"
    mine.touch()
    with RunFolder(run.path).lock(), pytest.raises(UserError, match="in use"):
        go_on(run)
    assert all(path.exists() for path in leftovers)
    go_on(run)
    assert not any(path.exists() for path in leftovers) and mine.exists()
    assert "removed 8 files of saves that were cut off (0.8 MB)" in train_log(run)
