"""Adding named losses with their weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def weighted_sum(losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Sum of loss times weight over the common names.

    Raises:
        KeyError: a loss has no weight or a weight no loss.
    """
    if losses.keys() != weights.keys():
        odd = sorted(losses.keys() ^ weights.keys())
        raise KeyError(f"losses {sorted(losses)} and weights {sorted(weights)} differ in {odd}")
    return torch.stack([loss * weights[name] for name, loss in losses.items()]).sum()
