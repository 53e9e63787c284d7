"""Two processes train as one does: the same batches, shared; the same weights after."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny import RESUME, STEPS, SteadyFace, TinySet, main, tiny_config

from talkingface.trainer import distributed
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.trainer import Trainer
from talkingface.utils.errors import UserError

PROGRAM = Path(__file__).with_name("tiny.py")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def two_processes(folder: Path, *kind: str) -> RunFolder:
    """Train in two processes, as torchrun would start them."""
    port = free_port()
    processes = []
    for rank in range(2):
        environment = os.environ | {
            "PYTHONPATH": str(PROGRAM.parents[2]), "OMP_NUM_THREADS": "1", "WORLD_SIZE": "2", "RANK": str(rank),
            "LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        }  # fmt: skip
        command = [sys.executable, str(PROGRAM), str(folder), "0", "0", *kind]
        processes.append(subprocess.Popen(command, env=environment))
    assert [process.wait(240) for process in processes] == [0, 0]
    return RunFolder(folder / "run")


@pytest.mark.slow
def test_two_processes_give_the_weights_of_one(tmp_path: Path) -> None:
    two = two_processes(tmp_path / "two", "plain", "average")
    threads = torch.get_num_threads()
    main(tmp_path / "one", 0, 0.0, plain=True, average=True)
    torch.set_num_threads(threads)
    one = RunFolder(tmp_path / "one" / "run")
    last = [torch.load(run.last, weights_only=True) for run in (one, two)]
    for weights in ([each["state_dict"] for each in last], [each["parts"]["ema"] for each in last]):
        assert weights[0].keys() == weights[1].keys()
        for key, value in weights[0].items():
            torch.testing.assert_close(weights[1][key], value, rtol=1e-4, atol=1e-5, msg=key)
    lines = [[line for line in run.read_metrics() if line["split"] == "train"] for run in (one, two)]
    assert [line["step"] for line in lines[0]] == [line["step"] for line in lines[1]]
    assert [line["loss"] for line in lines[1]] == pytest.approx([line["loss"] for line in lines[0]], rel=1e-4)
    assert two.status()["finished"]
    ends = [go_on(tmp_path / "two", two), go_on(tmp_path / "one", one)]
    assert ends[0] == pytest.approx(ends[1], rel=1e-3), "one process goes on where two have stopped"


def go_on(folder: Path, run: RunFolder) -> list[float]:
    """Extend a run by some steps in this process; returns their losses."""
    config = tiny_config(folder, **RESUME | {"max_steps": STEPS + 4, "ema_decay": 0.9})
    trainer = Trainer(config, SteadyFace(config), run=run, device=torch.device("cpu"))
    assert trainer.fit(TinySet(), TinySet(5)).steps == STEPS + 4
    return [line["loss"] for line in run.read_metrics() if line["split"] == "train"][-4:]


@pytest.mark.parametrize(
    ("device", "number", "message"), [("cuda:0", 0, "device: cuda:0 names one"), ("cuda", 2, "there are 2")]
)
def test_each_process_has_a_card_of_its_own(device: str, number: int, message: str) -> None:
    assert distributed._own_card(torch.device("cuda"), 1, 2) == torch.device("cuda:1")
    with pytest.raises(UserError, match=message):
        distributed._own_card(torch.device(device), number, 2)


@pytest.mark.slow
def test_two_processes_of_unlike_speed_agree_on_a_plan(tmp_path: Path) -> None:
    """The second one's clock runs twice as fast: by its own plan it would end earlier and leave the first waiting."""
    run = two_processes(tmp_path, "plain", "minutes")
    assert run.status()["steps"] == run.status()["planned_steps"] == 130
