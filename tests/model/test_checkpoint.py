"""Checkpoints: whole or not there, plain data, strict, and clear about what is wrong with a file."""

from __future__ import annotations

import random
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from talkingface.model import checkpoint
from talkingface.model.checkpoint import (
    Checkpoint,
    ForeignCheckpointError,
    Stateful,
    read_training,
    restore,
    save_checkpoint,
)
from talkingface.model.trained import load_trained
from talkingface.utils.errors import CheckpointError, DiskError
from talkingface.utils.seed import own_random, rng_state, set_rng_state

METRICS = {"loss": 0.5, "l1": 0.25}


class Drawing(nn.Module):
    """Batch statistics and a convolution."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width)
        self.conv = nn.Conv2d(width, 3, 3)


class Training:
    """A network that has been trained for a step."""

    def __init__(self, width: int = 6) -> None:
        torch.manual_seed(0)
        self.model = Drawing(width)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.1)
        F.relu(self.model.conv(self.model.norm(torch.rand(2, width, 5, 5)))).sum().backward()
        self.optimizer.step()

    def state(self) -> dict[str, Stateful]:
        return {"model": self.model, "optimizer": self.optimizer}


@pytest.fixture
def trainer() -> Training:
    return Training()


@pytest.fixture
def saved(trainer: Training, tmp_path: Path) -> Path:
    path = tmp_path / "checkpoints" / "last.pth"
    save(trainer, path)
    return path


def save(trainer: Training, path: Path) -> None:
    config = {"model": {"max_steps": 3}, "dataset_name": "memory"}
    progress = {"step": 3, "metrics": METRICS}
    save_checkpoint(path, state=trainer.state(), model_name="Tiny", config=config, progress=progress)


def same(one: nn.Module, other: nn.Module) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(value, theirs[key]) for key, value in one.state_dict().items())


def test_holds_plain_data_only_and_everything(saved: Path) -> None:
    contents = torch.load(saved, weights_only=True)
    assert contents["model_name"] == "Tiny"
    assert contents["config"]["model"]["max_steps"] == 3
    assert contents["config"]["dataset_name"] == "memory"
    assert set(contents["parts"]) == {"optimizer"}
    assert contents["progress"]["step"] == 3
    assert contents["metrics"].keys() == {"loss", "l1"}
    assert set(contents["rng"]) == {"python", "numpy", "torch", "cuda"}


def test_header(saved: Path) -> None:
    header = Checkpoint.read(saved).header
    assert (header.model_name, header.step) == ("Tiny", 3)
    assert header.metrics == METRICS
    assert header.config["model"]["max_steps"] == 3


def test_weights_come_back(saved: Path, trainer: Training) -> None:
    other = Drawing()
    assert not same(other, trainer.model)
    Checkpoint.read(saved).load_into(other)
    assert same(other, trainer.model)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_official_checkpoints(tmp_path: Path, trainer: Training, prefix: str) -> None:
    weights = OrderedDict((prefix + key, value) for key, value in trainer.model.state_dict().items())
    torch.save({"state_dict": weights, "optimizer": None, "global_step": 7}, tmp_path / "official.pth")
    other = Drawing()
    Checkpoint.read(tmp_path / "official.pth").load_into(other)
    assert same(other, trainer.model)
    assert Checkpoint.read(tmp_path / "official.pth").header is None
    with pytest.raises(ForeignCheckpointError, match="does not say which model"):
        load_trained(tmp_path / "official.pth")
    with pytest.raises(CheckpointError, match="no training state"):
        restore(read_training(tmp_path / "official.pth"), trainer.state(), origin=tmp_path / "official.pth")


def test_other_network_is_named(saved: Path) -> None:
    class Other(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(6, 3, 5)
            self.extra = nn.Linear(2, 2)

    with pytest.raises(CheckpointError) as caught:
        Checkpoint.read(saved).load_into(Other())
    message = str(caught.value)
    assert "weights of Tiny do not fit Other" in message
    assert "missing extra.weight (2, 2)" in message
    only_shapes = Other()
    del only_shapes.extra
    only_shapes.norm = nn.BatchNorm2d(6)
    with pytest.raises(CheckpointError, match=r"conv.weight is \(3, 6, 3, 3\), wanted \(3, 6, 5, 5\)"):
        Checkpoint.read(saved).load_into(only_shapes)


def test_other_parts_are_named(saved: Path, trainer: Training) -> None:
    state = trainer.state() | {"discriminator": nn.Linear(1, 1)}
    with pytest.raises(CheckpointError, match="discriminator"):
        restore(read_training(saved), state, origin=saved)


def damaged(kind: str, good: Path, path: Path) -> Path:
    if kind == "truncated":
        path.write_bytes(good.read_bytes()[:-2000])
    elif kind == "half":
        path.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("<html>sign in to download</html>")
    elif kind == "list":
        torch.save([1, 2], path)
    elif kind == "no weights":
        torch.save({"state_dict": {"a": "b"}}, path)
    elif kind == "code":
        torch.save({"state_dict": nn.Linear(1, 1)}, path)
    elif kind == "folder":
        path.mkdir()
    return path


@pytest.mark.parametrize(
    "kind", ["truncated", "half", "empty", "text", "list", "no weights", "code", "folder", "missing"]
)
def test_bad_files_are_named(kind: str, saved: Path, trainer: Training, tmp_path: Path) -> None:
    path = damaged(kind, saved, tmp_path / "bad.pth")
    with pytest.raises(CheckpointError, match=r"bad\.pth"):
        Checkpoint.read(path).load_into(trainer.model)


def test_other_format_version(saved: Path, tmp_path: Path) -> None:
    contents = torch.load(saved, weights_only=True)
    torch.save(contents | {"version": 99}, tmp_path / "new.pth")
    with pytest.raises(CheckpointError, match="version 99"):
        Checkpoint.read(tmp_path / "new.pth")


def test_failed_save_leaves_the_old_file(saved: Path, trainer: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def full_disk(contents: Any, file: BinaryIO) -> None:
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.torch, "save", full_disk)
    with pytest.raises(DiskError, match=r"last\.pth: not written \(No space left on device, [\d,]+ MB are free\)"):
        save(trainer, saved)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["last.pth"]


def test_weights_that_are_not_finite_are_not_saved(saved: Path, trainer: Training) -> None:
    before = saved.read_bytes()
    with torch.no_grad():
        trainer.model.get_parameter("conv.weight")[0, 0, 0, 0] = float("nan")
    with pytest.raises(CheckpointError, match=r"conv\.weight"):
        save(trainer, saved)
    assert saved.read_bytes() == before


def test_random_states_come_back(tmp_path: Path) -> None:
    torch.save(rng_state(), tmp_path / "rng.pth")
    expected = random.random(), np.random.rand(), float(torch.rand(())), random.gauss(0, 1)
    set_rng_state(torch.load(tmp_path / "rng.pth", weights_only=True))
    assert (random.random(), np.random.rand(), float(torch.rand(())), random.gauss(0, 1)) == expected


def test_own_random_is_repeatable_and_leaves_no_trace() -> None:
    state = rng_state()
    expected = float(torch.rand(()))
    set_rng_state(state)
    drawn = []
    for _ in range(2):
        with own_random(5):
            drawn.append((random.random(), np.random.rand(), float(torch.rand(()))))
    assert drawn[0] == drawn[1]
    assert float(torch.rand(())) == expected


def bytes_read() -> int:
    """By this process so far, as Linux counts them."""
    line = Path("/proc/self/io").read_text().splitlines()[0]
    return int(line.removeprefix("rchar: "))


@pytest.mark.skipif(not Path("/proc/self/io").is_file(), reason="looks at /proc")
def test_the_header_is_read_without_the_weights_and_the_file_let_go(tmp_path: Path) -> None:
    path = tmp_path / "last.pth"
    save(Training(width=4096), path)
    assert (size := path.stat().st_size) > 1_000_000
    before = bytes_read()
    assert Checkpoint.read(path).header.step == 3
    assert bytes_read() - before < 0.2 * size
    Checkpoint.read(path).load_into(Drawing(4096))
    assert bytes_read() - before < 1.2 * size, "its checksums are compared, once"
    assert str(path) not in Path("/proc/self/maps").read_text(), "Windows cannot replace a mapped file"
    before = bytes_read()
    restore(read_training(path), Training(width=4096).state(), origin=path)
    assert bytes_read() - before > size, "an optimizer keeps the tensors that it is given: these are read"


def test_what_cannot_be_mapped_is_read(saved: Path, tmp_path: Path) -> None:
    contents = torch.load(saved, weights_only=True)
    torch.save(contents, tmp_path / "old_form.pth", _use_new_zipfile_serialization=False)
    assert Checkpoint.read(tmp_path / "old_form.pth").header == Checkpoint.read(saved).header
