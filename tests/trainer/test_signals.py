"""Signals save the step in hand, with one process and under torchrun; a system may lack some of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from test_resume import PROGRAM, losses_of
from tiny import RESUME, TinySet, main, tiny_config, tiny_trainer

from talkingface.cli.help import EXIT_CODES
from talkingface.trainer import stop_signal
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.stop_signal import StopSignal, leave_to_parent, stop_signals
from talkingface.trainer.trainer import Trainer

DEADLINE = 240.0
posix = pytest.mark.skipif(sys.platform == "win32", reason="processes of Windows are not sent signals")


@pytest.fixture(autouse=True)
def none_is_ignored() -> Iterator[None]:
    """Signals act as in a terminal, also where these tests were started with nohup or in the background."""
    before = {number: signal.getsignal(number) for number in stop_signals()}
    for number in before:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def train_and_send(tmp_path: Path, number: int, **recipe: Any) -> tuple[RunFolder, BaseException]:
    """Train until a signal comes in the middle of the eighth step."""

    class Signalled(Trainer):
        def train_step(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            if self.progress.step == 7:
                signal.raise_signal(number)
            return super().train_step(batch)

    config = tiny_config(tmp_path, **RESUME | recipe)
    run = RunFolder(tmp_path / "run")
    with pytest.raises((KeyboardInterrupt, SystemExit)) as caught:
        tiny_trainer(config, run, Signalled).fit(TinySet())
    return run, caught.value


@pytest.mark.parametrize("number", stop_signals(), ids=lambda number: number.name)
def test_the_first_signal_saves_the_step_in_hand(tmp_path: Path, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    run, error = train_and_send(tmp_path, number)
    assert torch.load(run.last, weights_only=True)["progress"]["step"] == 8
    assert signal.getsignal(number) is before
    assert not run.status()["finished"]
    said = (tmp_path / "log/run/train.log").read_text()
    assert f"stopped by {number.name}; step 8 is saved, the same command goes on from there" in said
    code = 130 if isinstance(error, KeyboardInterrupt) else error.code  # type: ignore[attr-defined]
    assert code == 128 + number and any(str(code) in f"{key} {text}" for key, text in EXIT_CODES.items())


def test_a_system_may_lack_some_signals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Windows does, which has no masks of signals either."""
    for name in ("SIGHUP", "SIGUSR1", "pthread_sigmask"):
        monkeypatch.delattr(signal, name, raising=False)
    assert {number.name for number in stop_signals()} >= {"SIGINT", "SIGTERM"} and len(stop_signals()) < 4
    with stop_signal.out_of_reach():
        pass
    run, _ = train_and_send(tmp_path, signal.SIGTERM)
    assert torch.load(run.last, weights_only=True)["progress"]["step"] == 8


@posix
def test_an_ignored_signal_stays_ignored() -> None:
    """As nohup leaves SIGHUP."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignal() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert stop.received == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@posix
def test_a_second_signal_acts_at_once_with_one_process_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with StopSignal() as stop, pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
        assert stop.received == signal.SIGTERM
        signal.raise_signal(signal.SIGINT)
    monkeypatch.setattr(stop_signal.distributed, "world", lambda: 2)
    with StopSignal() as stop:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert stop.received == signal.SIGTERM


@posix
def test_loader_processes_leave_signals_to_the_training() -> None:
    before = {number: signal.getsignal(number) for number in stop_signals()}
    try:
        leave_to_parent()
        for number in stop_signals():
            if number != signal.SIGTERM:
                signal.raise_signal(number)
        assert callable(signal.getsignal(signal.SIGTERM))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_for_step(process: subprocess.Popen[bytes], run: RunFolder, step: int) -> None:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        assert process.poll() is None, "ended before it was told to"
        if any(line["step"] >= step for line in run.read_metrics()):
            return
        time.sleep(0.02)
    raise AssertionError(f"no step {step} in time")


def start(folder: Path, launcher: list[str], workers: int, pause: float) -> subprocess.Popen[bytes]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROGRAM.parents[2])}
    command = [sys.executable, *launcher, str(PROGRAM), str(folder), str(workers), str(pause)]
    return subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.DEVNULL)


TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]


@posix
@pytest.mark.slow
@pytest.mark.parametrize(
    ("launcher", "workers", "send"),
    [([], 1, lambda pid: os.killpg(pid, signal.SIGTERM)), (TORCHRUN, 0, lambda pid: os.kill(pid, signal.SIGTERM))],
    ids=["a group with a loader", "torchrun"],
)
def test_sigterm_saves(tmp_path: Path, launcher: list[str], workers: int, send: Callable[[int], None]) -> None:
    """To all processes of a group, as `timeout` and batch systems send it; to torchrun, which passes it on."""
    run = RunFolder(tmp_path / "run")
    process = start(tmp_path, launcher, workers, 0.2)
    wait_for_step(process, run, 6)
    send(process.pid)
    code = process.wait(60)
    saved = torch.load(run.last, weights_only=True)["progress"]["step"]
    assert saved == run.read_metrics()[-1]["step"] >= 6
    assert code == (143 if not launcher else 1)
    assert not list(run.checkpoints.glob(".tmp-*"))
    assert start(tmp_path, launcher, workers, 0.0).wait(DEADLINE) == 0
    if not launcher:
        threads = torch.get_num_threads()
        main(tmp_path / "whole", 0, 0.0)
        torch.set_num_threads(threads)
        assert losses_of(run) == losses_of(RunFolder(tmp_path / "whole" / "run"))
    assert run.status()["finished"]
