"""From a map-style dataset to an endless stream of batches that can start anywhere."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import threading
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from talkingface.config.schema import Config, ModelConfig, RunConfig
from talkingface.data.dataset.shared_batches import SharedBatchLoader
from talkingface.trainer import distributed
from talkingface.trainer.stop_signal import leave_to_parent, out_of_reach
from talkingface.utils.errors import UserError


class StreamSampler(Sampler[list[int]]):
    """Endless batches of indices `epoch * length + permutation(seed, epoch)[k]`, from any batch on.

    Epochs follow one another without a gap: a batch may end one and begin the next, so none is ever short and no
    sample is dropped. The batch's number alone gives the position. Every batch is the same for any number of ranks;
    each rank draws its share of it.
    """

    def __init__(self, length: int, *, batch_size: int, seed: int, start_batch: int, rank: int = 0, world: int = 1):
        if length < 1:
            raise UserError("training data: wanted at least one sample, got none; look at the preparation's report")
        if batch_size % world:
            raise UserError(
                f"train_batch_size: {batch_size} samples cannot be shared equally by {world} processes; "
                f"use a multiple of {world}"
            )
        self.length, self.batch_size, self.seed = length, batch_size, seed
        self.start_batch, self.rank, self.world = start_batch, rank, world

    def __iter__(self) -> Iterator[list[int]]:
        number = self.start_batch
        epoch, order = -1, torch.empty(0, dtype=torch.long)
        while True:
            batch = []
            for position in range(number * self.batch_size, (number + 1) * self.batch_size):
                if position // self.length != epoch:
                    epoch = position // self.length
                    order = self._permutation(epoch)
                if position % self.world == self.rank:
                    batch.append(epoch * self.length + int(order[position % self.length]))
            yield batch
            number += 1

    def _permutation(self, epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + epoch) % 2**63)
        return torch.randperm(self.length, generator=generator)


def training_batches(
    dataset: Dataset[dict[str, Tensor]], recipe: ModelConfig, run: RunConfig, *, step: int, pin_memory: bool
) -> Iterable[dict[str, Tensor]]:
    """This process's share of all batches after `step` steps."""
    sampler = StreamSampler(
        len(dataset),  # type: ignore[arg-type]
        batch_size=recipe.train_batch_size,
        seed=run.seed,
        start_batch=step * recipe.accumulate_steps,
        rank=distributed.rank(),
        world=distributed.world(),
    )
    return make_loader(
        dataset,
        sampler=sampler,
        largest_batch=recipe.train_batch_size,
        num_workers=run.num_workers,
        pin_memory=pin_memory,
    )


def step_samples(dataset: Dataset[dict[str, Tensor]], config: Config, *, step: int) -> list[int]:
    """The samples that a step (the first is 1) is made of, of all processes together."""
    recipe = config.model
    sampler = StreamSampler(
        len(dataset),  # type: ignore[arg-type]
        batch_size=recipe.train_batch_size,
        seed=config.run.seed,
        start_batch=(step - 1) * recipe.accumulate_steps,
    )
    return [sample for batch in itertools.islice(sampler, recipe.accumulate_steps) for sample in batch]


def make_loader(
    dataset: Dataset[dict[str, Tensor]],
    *,
    sampler: Sampler[list[int]],
    largest_batch: int,
    num_workers: int,
    pin_memory: bool,
) -> Iterable[dict[str, Tensor]]:
    """Return a loader over `sampler`'s batches that leaves the global random state alone.

    Workers are started by a fork server (spawned where there is none): a fork of this process would copy the
    threads' locks of OpenMP, TensorBoard and the progress bar without their threads, and can hang.
    """
    generator = torch.Generator().manual_seed(0)
    if not num_workers:
        return DataLoader(dataset, batch_sampler=sampler, pin_memory=pin_memory, generator=generator)
    return SharedBatchLoader(
        dataset,
        batch_sampler=sampler,
        largest_batch=largest_batch,
        num_workers=num_workers,
        pin_memory=pin_memory,
        multiprocessing_context=_worker_context(),
        generator=generator,
        worker_init_fn=_start_worker,
    )


def _start_worker(_number: int) -> None:
    # When the training dies, however it dies, its workers must not stay behind, and a fork server hides its death from
    # torch's own watchdog.
    leave_to_parent()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _worker_context() -> str:
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    if method == "forkserver":
        from multiprocessing import forkserver

        multiprocessing.set_forkserver_preload(["torch", "numpy"])
        with out_of_reach():
            forkserver.ensure_running()
    return method
