"""Validation: the same batches each time, means over their samples, PSNR and SSIM by the functions of evaluations."""

# B batch, T frames, H/W pixels

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import default_collate

from talkingface.batch import Batch, to_network
from talkingface.evaluator.metrics.image import picture_scores
from talkingface.pictures import to_pictures


def fixed_batches(length: int, *, batch_size: int, num_batches: int) -> list[range]:
    """Sample numbers of at most `num_batches` batches, in order; the last batch may be short."""
    end = min(length, batch_size * num_batches)
    return [range(start, min(start + batch_size, end)) for start in range(0, end, batch_size)]


def read_batch(dataset: Any, samples: range, device: torch.device) -> Batch:
    """Some samples of a dataset as a network batch."""
    return to_network(default_collate([dataset[sample] for sample in samples]), device)


def in_halves(batches: list[range]) -> tuple[list[range], list[range]]:
    """The first half of some batches and the second; a single batch is cut in two, and one sample is all of the second.

    Samples of a dataset lie clip by clip, so the halves show different clips.
    """
    if len(batches) == 1:
        (samples,) = batches
        middle = len(samples) // 2
        batches = [half for half in (samples[:middle], samples[middle:]) if half]
    middle = len(batches) // 2
    return batches[:middle], batches[middle:]


@torch.no_grad()
def mean_values(
    values_of: Callable[[Batch], dict[str, Tensor]], dataset: Any, batches: list[range], *, device: torch.device
) -> dict[str, float]:
    """Mean over all samples of what `values_of` gives a batch, {} for none; one wait for the device in all."""
    sums: dict[str, Tensor] = {}
    for samples in batches:
        for name, value in values_of(read_batch(dataset, samples, device)).items():
            total = value.double() * len(samples)
            sums[name] = sums[name] + total if name in sums else total
    count = sum(len(samples) for samples in batches)
    return {name: float(total) / count for name, total in sums.items()}


def join_means(means: list[dict[str, float]], counts: list[int]) -> dict[str, float]:
    """Means over all samples from those over groups of `counts` samples; an empty group's mean is {}."""
    names = next(mean for mean in means if mean)
    pairs = [(mean, count) for mean, count in zip(means, counts, strict=True) if count]
    return {name: sum(mean[name] * count for mean, count in pairs) / sum(counts) for name in names}


MOST_FRAMES = 4
"""Frames of a batch that are compared: the middle ones of its first samples, the same each time."""
SMALLEST = 24
"""Side of a face from which the mouth's region holds SSIM's window of 11 pixels; smaller ones are passed over."""


@torch.no_grad()
def picture_values(fake: Tensor, real: Tensor) -> dict[str, Tensor]:
    """Mean PSNR (dB) and SSIM of face and mouth, `psnr`, `psnr_mouth`, `ssim`, `ssim_mouth`; empty for tiny faces.

    A frame that equals the real one counts 100 dB. Unlike in an evaluation nothing has been pasted or encoded.

    Args:
        fake: (B, 3, T, H, W) BGR in [0, 1], as drawn.
        real: likewise, the frames that it shall equal.
    """
    if min(fake.shape[-2:]) < SMALLEST:
        return {}
    drawn, wanted = _middle_frames(fake), _middle_frames(real)
    scores = [picture_scores(a, b) for a, b in zip(drawn, wanted, strict=True)]
    return {name: torch.tensor(np.mean([one[name] for one in scores])) for name in scores[0]}


def _middle_frames(faces: Tensor) -> np.ndarray:
    """uint8 (n, H, W, 3), rounded as written pictures are."""
    return to_pictures(faces[:MOST_FRAMES, :, faces.shape[2] // 2])
