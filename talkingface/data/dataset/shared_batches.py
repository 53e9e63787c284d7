"""Batches from loader workers through memory that is shared once and used again and again.

torch's loader makes new shared memory for each tensor of each batch: the kernel has to find and clear its pages, and
a file descriptor crosses between the processes by several messages. With samples that are copied in a tenth of a
millisecond this was most of the time. Here each worker fills its own ring of places, and only a place's number
crosses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from talkingface.utils.errors import UserError

Token = tuple[int, int, int]
"""Worker, place in its ring, samples in the batch."""


class SharedBatchLoader:
    """Iterable over batches (dictionaries of tensors), as a DataLoader with workers and the usual collation.

    Each iteration starts its own workers. Batches belong to the caller: nothing writes to them later.

    Args:
        dataset: map-style; all samples have the keys, shapes and types of sample 0.
        batch_sampler: indices of one batch after another.
        largest_batch: no batch has more samples.
        num_workers: 1 or more.
        prefetch_factor: batches that a worker may be ahead.
        pin_memory: return batches in page-locked memory, for copies to CUDA that do not wait.
        options: further arguments of DataLoader.

    Raises:
        UserError: what a sample raised in a worker, as it was raised there.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        *,
        batch_sampler: Sampler[list[int]],
        largest_batch: int,
        num_workers: int,
        prefetch_factor: int = 4,
        pin_memory: bool = False,
        **options: Any,
    ) -> None:
        self.dataset, self.batch_sampler, self.largest_batch = dataset, batch_sampler, largest_batch
        self.num_workers, self.prefetch_factor, self.pin_memory = num_workers, prefetch_factor, pin_memory
        self.options = options

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        # A worker is given batch n + prefetch_factor when n is asked for, and n is copied before more is asked for:
        # with one place more than that, no place is written while it is read.
        ring = _Ring(self.dataset[0], self.num_workers, self.prefetch_factor + 1, self.largest_batch)
        tokens: DataLoader[Any] = DataLoader(
            _Told(self.dataset),
            batch_sampler=self.batch_sampler,
            num_workers=self.num_workers,
            prefetch_factor=self.prefetch_factor,
            collate_fn=ring.put,
            **self.options,
        )
        for token in tokens:
            if isinstance(token, UserError):
                raise token
            yield ring.take(token, pin_memory=self.pin_memory)


class _Told(Dataset[Any]):
    """The samples of a dataset, or the error that is the user's to mend: raised in a worker, it would come back with
    the worker's traceback for a message."""

    def __init__(self, dataset: Dataset[Any]) -> None:
        self.dataset = dataset

    def __getitem__(self, i: int) -> Any:
        try:
            return self.dataset[i]
        except UserError as error:
            return error


class _Ring:
    """Places for batches in shared memory: `places` for each worker."""

    def __init__(self, sample: Mapping[str, Any], workers: int, places: int, batch: int) -> None:
        self.places = places
        self.next = 0  # in a worker: the place that is filled next
        parts = {key: torch.as_tensor(value) for key, value in sample.items()}
        self.memory = {
            key: torch.empty((workers, places, batch, *part.shape), dtype=part.dtype).share_memory_()
            for key, part in parts.items()
        }

    def put(self, samples: Sequence[Any]) -> Token | UserError:
        """In a worker: copy the samples of a batch to the next place; an error among them is handed on."""
        for sample in samples:
            if isinstance(sample, UserError):
                return sample
        info = get_worker_info()
        assert info is not None, "places belong to workers"
        place, self.next = self.next, (self.next + 1) % self.places
        for key, memory in self.memory.items():
            target = memory[info.id, place]
            for k, sample in enumerate(samples):
                value = torch.as_tensor(sample[key])
                if value.shape != target.shape[1:] or value.dtype != target.dtype:
                    raise ValueError(
                        f"{key}: sample 0 has {target[0].shape} {target.dtype}, another {value.shape} {value.dtype}"
                    )
                target[k].copy_(value)
        return info.id, place, len(samples)

    def take(self, token: Token, *, pin_memory: bool) -> dict[str, Tensor]:
        """In the reading process: a copy of what a place holds."""
        worker, place, count = token
        out = {}
        for key, memory in self.memory.items():
            held = memory[worker, place, :count]
            out[key] = torch.empty(held.shape, dtype=held.dtype, pin_memory=pin_memory).copy_(held)
        return out
