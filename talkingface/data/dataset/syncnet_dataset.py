"""Samples of a sync expert: a window of lower faces and a mel, which belong together in half of the samples."""

from __future__ import annotations

import numpy as np

from talkingface.batch import FACE_WINDOW, IN_SYNC, MELS
from talkingface.config.schema import Config
from talkingface.data.dataset.cut import cut_frames, cut_mels
from talkingface.data.dataset.window_dataset import Sample, WindowDataset
from talkingface.data.dataset.windows import mel_start

# T frames, S side of the crop


class SyncNetDataset(WindowDataset):
    """Lower halves of `num_frames` consecutive frames with their own sound, or with that of another start.

    Both starts are of one clip, so that voice and face tell the expert nothing. Where the model's configuration
    has `mirror`, training faces are mirrored at random: speech has no left and right.
    """

    def __init__(self, config: Config, split: str = "train") -> None:
        super().__init__(config, split)
        self.mirror = split == "train" and bool(getattr(config.model, "mirror", False))
        self.first_row = config.model.img_size // 2

    def __getitem__(self, i: int) -> Sample:
        """Sample i.

        Returns:
            face_window: (3, T, S/2, S) uint8 BGR; mels: (1, 80, S) float32 in [-4, 4], 16 steps for 5 frames;
            in_sync: (1,) float32.
        """
        draw = self.sampler.draw(i)
        in_sync = bool(draw.random.integers(2))
        mirrored = bool(draw.random.integers(2)) and self.mirror
        face = cut_frames(draw.clip.frames, draw.start if in_sync else draw.other, self.num_frames, self.first_row)
        return {
            FACE_WINDOW: np.ascontiguousarray(face[..., ::-1]) if mirrored else face,
            MELS: cut_mels(draw.clip.mel, [mel_start(draw.sound, self.fps)], self.window_steps)[0],
            IN_SYNC: np.array([in_sync], np.float32),
        }
