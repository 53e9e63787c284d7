"""Samples of a sync expert: a window of lower faces and a mel, which belong together in half of the samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkingface.batch import FACE_WINDOW, IN_SYNC, MELS, OFF_MELS
from talkingface.config.schema import Config
from talkingface.data.dataset.sampling import Draw
from talkingface.data.dataset.store import cut_frames, cut_mels
from talkingface.data.dataset.window_dataset import Sample, WindowDataset
from talkingface.timing import mel_start

# T frames, S side of the crop


class SyncNetDataset(WindowDataset):
    """Lower halves of `num_frames` consecutive frames with their own sound, or with that of another start.

    Both starts are of one clip, so that voice and face tell the expert nothing. Where the model's configuration
    has `mirror`, training faces are mirrored at random: speech has no left and right. Where it has `off_sync_sounds`,
    each training face comes with its own sound and so many others.
    """

    def __init__(self, config: Config, split: str = "train") -> None:
        self.off_sync_sounds = int(getattr(config.model, "off_sync_sounds", 0)) if split == "train" else 0
        super().__init__(config, split, least_starts=2 if self.off_sync_sounds else 1)
        self.mirror = split == "train" and bool(getattr(config.model, "mirror", False))
        self.first_row = config.model.img_size // 2

    def __getitem__(self, i: int) -> Sample:
        """Sample i.

        Returns:
            face_window: (3, T, S/2, S) uint8 BGR; mels: (1, 80, S) float32 in [-4, 4], 16 steps for 5 frames;
            in_sync: (1,) float32; with `off_sync_sounds` always 1, and off_mels: (K, 80, S) float32.
        """
        draw = self.sampler.draw(i)
        in_sync = bool(draw.random.integers(2)) or bool(self.off_sync_sounds)
        mirrored = bool(draw.random.integers(2)) and self.mirror
        face = cut_frames(draw.clip.frames, draw.start if in_sync else draw.other, self.num_frames, self.first_row)
        sample: Sample = {
            FACE_WINDOW: np.ascontiguousarray(face[..., ::-1]) if mirrored else face,
            MELS: self._mel(draw, draw.sound),
            IN_SYNC: np.array([in_sync], np.float32),
        }
        if self.off_sync_sounds:
            others = self.sampler.other_sounds(draw, self.off_sync_sounds)
            sample[OFF_MELS] = np.concatenate([self._mel(draw, sound) for sound in others])
        return sample

    def _mel(self, draw: Draw, frame: int) -> NDArray[np.float32]:
        """(1, 80, S): the window that starts with a frame's sound."""
        return cut_mels(draw.clip.mel, [mel_start(frame, self.fps)], self.window_steps)[0]
