"""Kill a training again and again, some of the times while it saves, and see whether anything is lost.

    python benchmarks/kills.py --kills=50 --during_saves=20
    python benchmarks/kills.py --kills=20 --during_saves=8 --processes=2

The network is that of the trainer's tests with 8 MB of numbers beside it, so that a save takes a while. Each round
starts the training, kills all its processes by SIGKILL after a random time or in the middle of a save, and looks at
what is there: the last checkpoint is whole and no older than before. At the end the losses of all steps and the weights
are compared with those of a training that nobody killed, and files that saves left behind are counted. It exits with 1
where anything is not as it should be.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "trainer"))
from tiny import RESUME, PlainFace, SlowTrainer, TinyFace, TinySet, tiny_config

from talkingface.model.checkpoint import read_training
from talkingface.trainer.run_folder import RunFolder
from talkingface.utils.files import TEMP_PREFIX
from talkingface.utils.seed import init_seed

RECIPE = RESUME | {"save_every": 2, "valid_every": 7, "keep_every": 10}
METHOD = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
"""Forked processes need not import torch again, which takes longer than the training."""
BALLAST = 2 << 20
"""Numbers that are saved and never trained."""


@dataclass
class Outcome:
    """What came of the kills."""

    kills: int = 0
    during_saves: int = 0
    lost: list[str] = field(default_factory=list)
    """Checkpoints that were damaged or older than before."""
    leftovers: list[str] = field(default_factory=list)
    """Unfinished files at the end."""
    same_losses: bool = False
    same_weights: bool = False

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, nothing was left, and the training was the same."""
        return self.same_losses and self.same_weights and not self.lost and not self.leftovers


def train(folder: str, pause: float, steps: int, number: int, count: int, port: int) -> None:
    """One process of a training, as torchrun would start it."""
    if count > 1:
        os.environ |= {"WORLD_SIZE": str(count), "RANK": str(number), "LOCAL_RANK": str(number)}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # a process whose partner is killed says so
    torch.set_num_threads(1)
    SlowTrainer.pause = pause
    fit(Path(folder), steps, plain=count > 1)


def fit(folder: Path, steps: int, *, plain: bool) -> None:
    """Train, or go on with it."""
    config = tiny_config(folder, **RECIPE | {"max_steps": steps})
    init_seed(config.run.seed)
    model = (PlainFace if plain else TinyFace)(config)
    model.ballast = nn.Parameter(torch.zeros(BALLAST), requires_grad=False)
    trainer = SlowTrainer(config, model, run=RunFolder(folder / "run"), device=torch.device("cpu"))
    trainer.fit(TinySet(), TinySet(5))


@contextmanager
def started(folder: Path, pause: float, steps: int, count: int) -> Iterator[list[BaseProcess]]:
    """The processes of a training; all are dead after the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context(METHOD)
    processes: list[BaseProcess] = [
        context.Process(target=train, args=(str(folder), pause, steps, number, count, port)) for number in range(count)
    ]
    for process in processes:
        process.start()
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.join()


def is_saving(run: RunFolder) -> bool:
    """Whether a checkpoint is being written."""
    return any(run.checkpoints.glob(f"{TEMP_PREFIX}*"))


def kill_once(folder: Path, pause: float, steps: int, count: int, *, saving: bool, chance: random.Random) -> bool:
    """Start the training and kill it; whether that was in the middle of a save."""
    run = RunFolder(folder / "run")
    before = run.metrics_file.stat().st_size if run.metrics_file.is_file() else 0
    with started(folder, pause, steps, count) as processes:
        began = time.monotonic()
        while not (run.metrics_file.is_file() and run.metrics_file.stat().st_size != before):  # it has gone on
            if not all(process.is_alive() for process in processes) or time.monotonic() - began > 120:
                break
            time.sleep(0.002)
        until = time.monotonic() + chance.uniform(0, 0.5)
        while time.monotonic() < until or (saving and not is_saving(run)):
            if not all(process.is_alive() for process in processes):
                break
            time.sleep(0.0005)
        if saving:
            time.sleep(chance.uniform(0, 0.02))
    return is_saving(run)


def look(run: RunFolder, step: int, outcome: Outcome) -> int:
    """The step of the last checkpoint, after seeing that it is whole and no older than `step`."""
    if not run.last.is_file():
        if step:
            outcome.lost.append(f"last.pth has gone after step {step}")
        return step
    try:
        found = int(read_training(run.last)["progress"]["step"])
    except ValueError as error:
        outcome.lost.append(str(error))
        return step
    if found < step:
        outcome.lost.append(f"step {found} after step {step}")
    return found


def losses_of(run: RunFolder) -> list[tuple[int, str, str]]:
    """Every line of metrics.jsonl as step, split and exact loss."""
    return [(line["step"], line["split"], float(line["loss"]).hex()) for line in run.read_metrics()]


def same_weights(one: Path, other: Path) -> bool:
    """Whether two checkpoints hold the same weights and moments, bit for bit."""
    found = [read_training(path) for path in (one, other)]
    weights = [contents["state_dict"] for contents in found]
    moments = [contents["parts"]["optimizer"]["state"] for contents in found]
    return all(torch.equal(value, weights[1][key]) for key, value in weights[0].items()) and all(
        torch.equal(value["exp_avg_sq"], moments[1][key]["exp_avg_sq"]) for key, value in moments[0].items()
    )


def run_kills(
    folder: Path,
    *,
    kills: int,
    during_saves: int,
    processes: int = 1,
    steps: int = 60,
    pause: float = 0.05,
    seed: int = 0,
) -> Outcome:
    """Kill a training so many times, let it end, and compare it with one that was let alone."""
    chance, outcome, step = random.Random(seed), Outcome(), 0
    if METHOD == "fork":
        fit(folder / "imports", 1, plain=False)  # what is imported here, forked processes have
    with started(folder / "whole", 0.0, steps, processes) as whole:
        for process in whole:
            process.join()
    killed = RunFolder(folder / "killed" / "run")
    while outcome.kills < kills:
        saving = kills - outcome.kills <= during_saves - outcome.during_saves or chance.random() < during_saves / kills
        caught = kill_once(folder / "killed", pause, steps, processes, saving=saving, chance=chance)
        if killed.status().get("finished"):
            break
        outcome.kills += 1
        outcome.during_saves += caught
        step = look(killed, step, outcome)
    with started(folder / "killed", 0.0, steps, processes) as last:
        for process in last:
            process.join()
    reference = RunFolder(folder / "whole" / "run")
    outcome.leftovers = [str(path.relative_to(killed.path)) for path in killed.path.rglob(f"{TEMP_PREFIX}*")]
    outcome.same_losses = losses_of(killed) == losses_of(reference) and len(losses_of(killed)) > steps
    outcome.same_weights = same_weights(killed.last, reference.last)
    return outcome


def main() -> int:
    """Print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--during_saves", type=int, default=20, help="at least so many of them")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcome = run_kills(
            Path(folder),
            kills=given.kills,
            during_saves=given.during_saves,
            processes=given.processes,
            steps=max(60, 6 * given.kills),
            seed=given.seed,
        )
    print(f"{outcome.kills} kills of {given.processes} process(es), {outcome.during_saves} of them during saves")
    print(f"lost: {'; '.join(outcome.lost) or 'nothing'}")
    print(f"left behind: {', '.join(outcome.leftovers) or 'nothing'}")
    print(f"losses of all steps: {'the same' if outcome.same_losses else 'OTHERS'}")
    print(f"weights and moments: {'the same' if outcome.same_weights else 'OTHERS'}")
    print(f"in {time.monotonic() - began:.0f} s")
    return 0 if outcome.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
