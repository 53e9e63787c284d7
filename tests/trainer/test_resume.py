"""A training that was killed and started again is the same training."""

from __future__ import annotations

import hashlib
import math
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tiny import MINUTES, RESUME, SlowTrainer, TinySet, main, ticking, tiny_config, tiny_trainer

from talkingface.trainer.progress import extends
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


def start(folder: Path, num_workers: int, pause: float, *kind: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(PROGRAM), str(folder), str(num_workers), str(pause), *kind]
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


@pytest.fixture(scope="module")
def by_minutes(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("minutes")
    threads = torch.get_num_threads()
    main(folder, 0, 0.0, minutes=True)
    torch.set_num_threads(threads)
    return RunFolder(folder / "run")


def test_minutes_become_steps_that_the_rate_follows(by_minutes: RunFolder) -> None:
    rates = {line["step"]: line["learning_rate"] for line in by_minutes.read_metrics() if line["split"] == "train"}
    assert list(rates) == list(range(1, 131))
    assert [rates[step] for step in (2, 4, 50, 100)] == pytest.approx([0.5e-2, 1e-2, 1e-2, 1e-2])
    for step in (101, 120, 130):
        assert rates[step] == pytest.approx(1e-2 * (0.02 + 0.49 * (1 + math.cos(math.pi * (step - 1) / 130))))
    wanted = {"ended_by": "max_minutes", "steps": 130, "planned_steps": 130, "finished": True}
    assert wanted.items() <= by_minutes.status().items()
    assert by_minutes.status()["minutes"] == pytest.approx(1.3)
    (said,) = (by_minutes.path.parent / "log/run/train.log").read_text().split("planned: ")[1:]
    assert said.startswith("130 steps in about 1.3 minutes, from the speed of the first 100\n")


def test_a_killed_training_with_an_end_in_minutes_is_bit_identical(tmp_path: Path, by_minutes: RunFolder) -> None:
    """The second start is told that steps take twice as long: rate and end stay those of the plan."""
    run = RunFolder(tmp_path / "run")
    step = random.SystemRandom().randint(106, 122)
    kill_at(start(tmp_path, 0, 0.02, "minutes"), run, step)
    assert start(tmp_path, 0, 0.0, "minutes").wait(DEADLINE) == 0
    assert losses_of(run) == losses_of(by_minutes), f"killed at step {step}"
    assert weights_of(run.last) == weights_of(by_minutes.last)


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


@pytest.mark.parametrize("at", [52, 101, 127])
def test_minutes_before_a_cut_count(tmp_path: Path, by_minutes: RunFolder, at: int) -> None:
    torch.set_num_threads(1)
    config = tiny_config(tmp_path, **MINUTES)
    run = RunFolder.create(config)
    CutTrainer.at = at
    trainer = tiny_trainer(config, run, CutTrainer)
    trainer.clock = ticking(0.6)
    with pytest.raises(CutError):
        trainer.fit(TinySet(), TinySet(5))
    again = tiny_trainer(config, run)
    again.clock = ticking(0.6)
    assert again.fit(TinySet(), TinySet(5)).steps == 130
    assert losses_of(run) == losses_of(by_minutes)


def test_minutes_that_are_over_before_the_speed_is_known_end_training(tmp_path: Path) -> None:
    trainer = tiny_trainer(tiny_config(tmp_path, **MINUTES))
    trainer.clock = ticking(2)
    assert trainer.fit(TinySet(), TinySet(5)).steps == 39  # the 39th of 2 seconds ends after 1.3 minutes
    assert trainer.run.status()["ended_by"] == "max_minutes"
    assert trainer.run.status()["planned_steps"] is None


def test_an_older_checkpoint_is_planned_by_its_speed_so_far(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, **MINUTES | {"max_steps": 110})
    trainer = tiny_trainer(config)
    trainer.clock = ticking(0.6)
    trainer.fit(TinySet())
    contents = torch.load(trainer.run.last, weights_only=True)
    del contents["progress"]["steps_per_minute"]
    torch.save(contents, trainer.run.last)
    again = tiny_trainer(tiny_config(tmp_path, **MINUTES | {"log_every": 1}), trainer.run)
    again.clock = ticking(60)
    assert again.fit(TinySet()).steps == 130
    lines = [line for line in again.run.read_metrics() if line["step"] == 111]
    assert lines[0]["learning_rate"] == pytest.approx(1e-2 * (0.02 + 0.49 * (1 + math.cos(math.pi * 110 / 130))))


def test_a_slow_machine_takes_longer_and_says_so_once(tmp_path: Path) -> None:
    class Slows:
        """0.6 seconds a step at first, 3 from the 101st on."""

        asked, now = 0, 0.0

        def __call__(self) -> float:
            self.asked += 1
            self.now += 0.6 if self.asked <= 101 else 3.0
            return self.now

    trainer = tiny_trainer(tiny_config(tmp_path, **MINUTES))
    trainer.clock = Slows()
    assert trainer.fit(TinySet(), TinySet(5)).steps == 130
    log = (tmp_path / "log" / trainer.run.name / "train.log").read_text()
    assert log.count("slower than planned: 130 steps will take about") == 1
    assert trainer.run.status()["minutes"] == pytest.approx(1 + 30 * 3 / 60)


def test_a_finished_run_goes_on_to_a_later_end(tmp_path: Path) -> None:
    """Four steps, then two more: as six at once."""
    recipe = RESUME | {"valid_every": 100}
    short, long = (tiny_config(tmp_path, **recipe | {"max_steps": steps}) for steps in (4, 6))
    whole, run = RunFolder.create(long), RunFolder.create(short)
    tiny_trainer(long, whole).fit(TinySet(), TinySet(5))
    tiny_trainer(short, run).fit(TinySet(), TinySet(5))
    assert run.status()["ended_by"] == "max_steps" and not extends(short.model, run.status())
    assert extends(long.model, run.status())
    assert tiny_trainer(long, run).fit(TinySet(), TinySet(5)).steps == 6
    trained = [[line for line in losses_of(one) if line[1] == "train"] for one in (run, whole)]
    assert trained[0] == trained[1] and [step for step, *_ in trained[0]] == [1, 2, 3, 4, 5, 6]
    assert weights_of(run.last) == weights_of(whole.last)
    assert run.status()["steps"] == 6 and "max_steps: 6" in run.config_file.read_text()


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
