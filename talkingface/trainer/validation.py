"""Validation on the same batches each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import default_collate

from talkingface.batch import Batch, to_network


def fixed_batches(length: int, *, batch_size: int, num_batches: int) -> list[range]:
    """Sample numbers of at most `num_batches` batches, in order; the last batch may be short."""
    end = min(length, batch_size * num_batches)
    return [range(start, min(start + batch_size, end)) for start in range(0, end, batch_size)]


def read_batch(dataset: Any, samples: range, device: torch.device) -> Batch:
    """Some samples of a dataset as a network batch."""
    return to_network(default_collate([dataset[sample] for sample in samples]), device)


@torch.no_grad()
def mean_values(
    values_of: Callable[[Batch], dict[str, Tensor]], dataset: Any, batches: list[range], *, device: torch.device
) -> dict[str, float]:
    """Mean over all samples of what `values_of` gives a batch; one wait for the device in all."""
    sums: dict[str, Tensor] = {}
    for samples in batches:
        for name, value in values_of(read_batch(dataset, samples, device)).items():
            total = value.double() * len(samples)
            sums[name] = sums[name] + total if name in sums else total
    count = sum(len(samples) for samples in batches)
    return {name: float(total) / count for name, total in sums.items()}
