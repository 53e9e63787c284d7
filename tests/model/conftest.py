"""Fixtures of the networks' tests. (Its folder is on the import path, so tests below find `filled`.)"""

from __future__ import annotations

import pytest
import torch
from filled import images, mels
from torch import Tensor

from talkingface.batch import GT, INDIV_MELS, INPUT_FRAMES, mask_lower_half


@pytest.fixture
def batch() -> dict[str, Tensor]:
    """Two samples of two frames of 64 px, in network form."""
    target = images(2, (2, 3, 2, 64, 64), torch.float32)
    frames = torch.cat([mask_lower_half(target), images(1, (2, 3, 2, 64, 64), torch.float32)], dim=1)
    return {INPUT_FRAMES: frames, GT: target, INDIV_MELS: mels(3, (2, 2, 1, 80, 16), torch.float32)}
