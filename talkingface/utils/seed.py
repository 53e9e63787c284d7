"""One seed for everything random."""

from __future__ import annotations

import random

import numpy as np


def init_seed(seed: int, reproducible: bool = True) -> None:
    """Seed Python, NumPy and torch (all devices).

    Args:
        seed: any whole number; NumPy sees it modulo 2**32.
        reproducible: choose cuDNN kernels that give the same result each run instead of the fastest ones.
    """
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    torch.backends.cudnn.benchmark = not reproducible
    torch.backends.cudnn.deterministic = reproducible
