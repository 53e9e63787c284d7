"""Batches through reused shared memory: the same as the usual collation, and never written to afterwards."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset

from talkingface.data.dataset.shared_batches import SharedBatchLoader
from talkingface.utils.errors import UserError


class Numbers(Dataset):
    """Samples that tell their index; some take longer, so that workers overtake one another."""

    def __len__(self):
        return 103

    def __getitem__(self, i):
        if i % 17 == 0:
            time.sleep(0.01)
        return {"pixels": np.full((3, 2), i % 256, np.uint8), "value": np.array([i], np.float32)}


class Uneven(Numbers):
    def __getitem__(self, i):
        return {"pixels": np.zeros((3, 2 if i < 50 else 1), np.uint8)}


class Damaged(Numbers):
    def __getitem__(self, i):
        if i == 50:
            raise UserError("s/a: a.jpegs is damaged; delete it")
        return super().__getitem__(i)


def loader(dataset, **options):
    sampler = BatchSampler(range(len(dataset)), 4, drop_last=False)
    options = {"num_workers": 2, "prefetch_factor": 2, **options}
    return SharedBatchLoader(dataset, batch_sampler=sampler, largest_batch=4, **options)


@pytest.mark.parametrize("workers", [1, 2])
def test_batches_are_those_of_the_usual_loader_and_stay_so(workers):
    wanted = list(DataLoader(Numbers(), batch_size=4))
    got = list(loader(Numbers(), num_workers=workers))  # all held until the end: places are reused many times over
    assert len(got) == len(wanted) == 26
    for one, other in zip(got, wanted, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            assert one[key].dtype == other[key].dtype
            assert torch.equal(one[key], other[key])


def test_a_slow_reader_gets_whole_batches():
    for number, batch in enumerate(loader(Numbers())):
        time.sleep(0.01)  # workers run ahead as far as they may
        assert batch["value"].flatten().tolist() == list(range(4 * number, min(4 * number + 4, 103)))


def test_two_iterations_at_once_do_not_share_places():
    both = loader(Numbers())
    for one, other in zip(both, both, strict=True):
        assert torch.equal(one["value"], other["value"])


def test_samples_of_another_shape_are_refused_by_name():
    with pytest.raises(ValueError, match="pixels"):
        list(loader(Uneven()))


def test_what_a_sample_says_arrives_as_it_was_said():
    seen = []
    with pytest.raises(UserError) as error:
        seen.extend(loader(Damaged()))
    assert str(error.value) == "s/a: a.jpegs is damaged; delete it" and len(seen) == 12
