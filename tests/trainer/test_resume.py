"""A training that was killed and started again is the same training."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tiny import RESUME, SlowTrainer, TinySet, main, tiny_config, tiny_trainer

from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.trainer import Trainer

PROGRAM = Path(__file__).with_name("tiny.py")
DEADLINE = 240.0


def losses_of(run: RunFolder) -> list[tuple[int, str, str]]:
    """Every line of metrics.jsonl as step, split and exact loss."""
    return [(line["step"], line["split"], float(line["loss"]).hex()) for line in run.read_metrics()]


def weights_of(path: Path) -> str:
    """SHA-256 of a checkpoint's weights and optimizer moments, in the order of their names."""
    contents = torch.load(path, weights_only=True)
    digest = hashlib.sha256()
    for key, value in sorted(contents["state_dict"].items()):
        digest.update(key.encode() + value.contiguous().numpy().tobytes())
    for number, moments in sorted(contents["parts"]["optimizer"]["state"].items()):
        digest.update(str(number).encode() + moments["exp_avg_sq"].contiguous().numpy().tobytes())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("whole")
    threads = torch.get_num_threads()
    main(folder, 0, 0.0)
    torch.set_num_threads(threads)
    return RunFolder(folder / "run")


def start(folder: Path, num_workers: int, pause: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(PROGRAM), str(folder), str(num_workers), str(pause)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROGRAM.parents[2])}
    return subprocess.Popen(command, env=environment)


def kill_at(process: subprocess.Popen[bytes], run: RunFolder, step: int) -> None:
    """Kill -9 when metrics.jsonl tells of `step`."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        assert process.poll() is None, "ended before it could be killed"
        if any(line["step"] >= step for line in run.read_metrics()):
            process.send_signal(signal.SIGKILL)
            process.wait()
            return
        time.sleep(0.01)
    process.kill()
    raise AssertionError(f"no step {step} in time")


@pytest.mark.parametrize("num_workers", [0, 1])
def test_killed_and_restarted_is_bit_identical(tmp_path: Path, uninterrupted: RunFolder, num_workers: int) -> None:
    run = RunFolder(tmp_path / "run")
    step = random.SystemRandom().randint(6, 19)
    kill_at(start(tmp_path, num_workers, 0.05), run, step)
    assert not run.status().get("finished")
    assert start(tmp_path, num_workers, 0.0).wait(DEADLINE) == 0
    assert losses_of(run) == losses_of(uninterrupted), f"killed at step {step}"
    assert weights_of(run.last) == weights_of(uninterrupted.last)
    assert weights_of(run.best) == weights_of(uninterrupted.best)
    assert run.status()["finished"]


class CutError(Exception):
    pass


class CutTrainer(Trainer):
    at = 0

    def train_step(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        if self.progress.step == self.at:
            raise CutError
        return super().train_step(batch)


@pytest.mark.parametrize("at", [0, 4, 5, 6, 7, 15, 23])
def test_cut_at_and_around_saves(tmp_path: Path, uninterrupted: RunFolder, at: int) -> None:
    torch.set_num_threads(1)
    config = tiny_config(tmp_path, **RESUME)
    run = RunFolder.create(config)
    CutTrainer.at = at
    with pytest.raises(CutError):
        tiny_trainer(config, run, CutTrainer).fit(TinySet(), TinySet(5))
    torch.rand(3)  # the random state at the restart does not matter once there is a checkpoint
    result = tiny_trainer(config, run).fit(TinySet(), TinySet(5))
    assert result.steps == RESUME["max_steps"]
    assert losses_of(run) == losses_of(uninterrupted)
    assert weights_of(run.last) == weights_of(uninterrupted.last)


def test_lines_do_not_reach_over_saves(tmp_path: Path) -> None:
    """Lines tell means over several steps; those of a resumed run cover the same steps."""
    recipe = RESUME | {"log_every": 4, "save_every": 5}
    runs = []
    for name, cut in (("whole", None), ("cut", 13)):
        config = tiny_config(tmp_path / name, **recipe)
        run = RunFolder.create(config)
        if cut:
            CutTrainer.at = cut
            with pytest.raises(CutError):
                tiny_trainer(config, run, CutTrainer).fit(TinySet(), TinySet(5))
        tiny_trainer(config, run).fit(TinySet(), TinySet(5))
        runs.append(losses_of(run))
    assert runs[0] == runs[1]
    assert [step for step, split, _ in runs[0] if split == "train"][:5] == [4, 5, 7, 8, 10]


def test_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, **RESUME)
    run = RunFolder.create(config)
    tiny_trainer(config, run).fit(TinySet(), TinySet(5))
    before = losses_of(run), weights_of(run.last)
    assert tiny_trainer(config, run).fit(TinySet(), TinySet(5)).steps == RESUME["max_steps"]
    assert (losses_of(run), weights_of(run.last)) == before


def test_elapsed_minutes_go_on(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, **RESUME | {"max_steps": 10})
    run = RunFolder.create(config)
    SlowTrainer.pause = 0.02
    trainer = tiny_trainer(config, run, SlowTrainer)
    trainer.fit(TinySet())
    minutes = trainer.progress.minutes
    assert minutes >= 10 * 0.02 / 60
    again = tiny_trainer(config, run)
    again.fit(TinySet())
    assert again.progress.minutes == minutes


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_first_signal_saves_the_step_in_hand(tmp_path: Path, number: signal.Signals) -> None:
    class Signalled(Trainer):
        def train_step(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            if self.progress.step == 7:
                os.kill(os.getpid(), number)
            return super().train_step(batch)

    config = tiny_config(tmp_path, **RESUME)
    run = RunFolder.create(config)
    before = signal.getsignal(number)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        tiny_trainer(config, run, Signalled).fit(TinySet())
    assert torch.load(run.last, weights_only=True)["progress"]["step"] == 8
    assert signal.getsignal(number) is before
    assert not run.status()["finished"]
