"""Samples of Wav2Lip and Wav2Lip+GAN (arXiv 2008.10010, section 3.3)."""

from __future__ import annotations

from talkingface.data.dataset.window_dataset import GeneratorDataset


class Wav2LipDataset(GeneratorDataset):
    """Faces of 96 px, and mels whose ends are padded by reflection."""
