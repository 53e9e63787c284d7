"""Samples of HyperLipsBase (arXiv 2310.05720, section 3.1)."""

from __future__ import annotations

from talkingface.data.dataset.window_dataset import GeneratorDataset


class HyperLipsBaseDataset(GeneratorDataset):
    """Faces of 128 px as published; any size that packing was asked for."""
