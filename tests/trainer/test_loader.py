"""The stream of training samples: order, shares of the ranks, worker processes."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import TinySet

from talkingface.batch import GT
from talkingface.trainer.loader import StreamSampler, make_loader
from talkingface.utils.errors import UserError

PROGRAM = Path(__file__).with_name("tiny.py")


def take(sampler: StreamSampler, steps: int) -> list[list[int]]:
    return list(itertools.islice(sampler, steps))


def test_every_epoch_has_every_sample_once_in_its_own_order() -> None:
    stream = list(itertools.chain(*take(StreamSampler(7, batch_size=4, seed=3, start_batch=0), 7)))
    epochs = [stream[start : start + 7] for start in range(0, 28, 7)]
    for number, epoch in enumerate(epochs):
        assert sorted(epoch) == list(range(7 * number, 7 * number + 7))
    assert len({tuple(index % 7 for index in epoch) for epoch in epochs}) == 4


@pytest.mark.parametrize("step", [1, 2, 6, 100])
def test_starts_at_any_step(step: int) -> None:
    whole = take(StreamSampler(7, batch_size=4, seed=3, start_batch=0), step + 5)
    assert take(StreamSampler(7, batch_size=4, seed=3, start_batch=step), 5) == whole[step:]


@pytest.mark.parametrize("world", [2, 4])
def test_ranks_share_the_same_batches(world: int) -> None:
    whole = take(StreamSampler(7, batch_size=8, seed=0, start_batch=2), 5)
    shares = [take(StreamSampler(7, batch_size=8, seed=0, start_batch=2, rank=r, world=world), 5) for r in range(world)]
    for number, batch in enumerate(whole):
        assert sorted(itertools.chain(*(share[number] for share in shares))) == sorted(batch)
        assert {len(share[number]) for share in shares} == {8 // world}


def test_other_seed_other_order() -> None:
    first, second = (take(StreamSampler(50, batch_size=10, seed=seed, start_batch=0), 5) for seed in (0, 1))
    assert first != second


def test_batch_larger_than_the_data_takes_several_epochs() -> None:
    (batch,) = take(StreamSampler(3, batch_size=7, seed=0, start_batch=0), 1)
    assert sorted(batch[:6]) == [0, 1, 2, 3, 4, 5]
    assert batch[6] in (6, 7, 8)


def test_refuses_what_cannot_be_shared() -> None:
    with pytest.raises(UserError, match="multiple of 4"):
        StreamSampler(7, batch_size=6, seed=0, start_batch=0, world=4)


def test_loading_leaves_random_states_alone() -> None:
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    expected = random.random(), np.random.rand(), float(torch.rand(()))
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    sampler = StreamSampler(7, batch_size=4, seed=0, start_batch=0)
    batch = next(iter(make_loader(TinySet(), sampler=sampler, largest_batch=4, num_workers=0, pin_memory=False)))
    assert batch[GT].shape == (4, 3, 2, 16, 16)
    assert batch[GT].dtype == torch.uint8
    assert (random.random(), np.random.rand(), float(torch.rand(()))) == expected


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at /proc")
def test_no_worker_outlives_a_killed_training(tmp_path: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROGRAM.parents[2])}
    command = [sys.executable, str(PROGRAM), str(tmp_path), "1", "0.2"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    wait_for(lambda: (tmp_path / "run" / "metrics.jsonl").is_file() and len(descendants(process.pid)) >= 3)
    started = descendants(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: not any(is_running(pid) for pid in started))


def wait_for(condition: object, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def parent_of(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def descendants(pid: int) -> list[int]:
    """Processes below `pid`: the resource tracker, the fork server and its workers."""
    everyone = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    parents = {one: parent_of(one) for one in everyone}
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]
