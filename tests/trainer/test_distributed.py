"""Two processes train as one does: the same batches, shared; the same weights after."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny import main

from talkingface.trainer.run_folder import RunFolder

PROGRAM = Path(__file__).with_name("tiny.py")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_two_processes_give_the_weights_of_one(tmp_path: Path) -> None:
    port = free_port()
    processes = []
    for rank in range(2):
        environment = os.environ | {
            "PYTHONPATH": str(PROGRAM.parents[2]), "OMP_NUM_THREADS": "1", "WORLD_SIZE": "2", "RANK": str(rank),
            "LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        }  # fmt: skip
        command = [sys.executable, str(PROGRAM), str(tmp_path / "two"), "0", "0", "plain"]
        processes.append(subprocess.Popen(command, env=environment))
    assert [process.wait(240) for process in processes] == [0, 0]
    threads = torch.get_num_threads()
    main(tmp_path / "one", 0, 0.0, plain=True)
    torch.set_num_threads(threads)
    one, two = (RunFolder(tmp_path / name / "run") for name in ("one", "two"))
    weights = [torch.load(run.last, weights_only=True)["state_dict"] for run in (one, two)]
    assert weights[0].keys() == weights[1].keys()
    for key, value in weights[0].items():
        torch.testing.assert_close(weights[1][key], value, rtol=1e-4, atol=1e-5, msg=key)
    assert [line["step"] for line in two.read_metrics()] == [line["step"] for line in one.read_metrics()]
    assert two.status()["finished"]
