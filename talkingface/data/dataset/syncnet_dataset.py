"""Samples of a sync expert: a window of lower faces and a mel, which belong together in half of the samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from talkingface.batch import FACE_WINDOW, IN_SYNC, MELS
from talkingface.config.schema import Config
from talkingface.data.dataset.cut import cut_frames, cut_mels
from talkingface.data.dataset.filelist import list_path
from talkingface.data.dataset.sampling import WindowSampler
from talkingface.data.dataset.store import open_clips
from talkingface.data.dataset.windows import mel_start

# T frames, S side of the crop


class SyncNetDataset(Dataset[dict[str, NDArray[Any]]]):
    """Lower halves of `num_frames` consecutive frames with their own sound, or with that of another start.

    Both starts are of one clip, so that voice and face tell the expert nothing. Where the model's configuration
    has `mirror`, training faces are mirrored at random: speech has no left and right.
    Sample i depends on the seed, the split and i alone, as in every dataset here.

    Raises:
        UserError: the split's list, its clips or their packed files are missing; the message names list and folder.
    """

    def __init__(self, config: Config, split: str = "train") -> None:
        data, model = config.dataset, config.model
        clips = open_clips(data, split, model.img_size, model.mel_pad_mode)
        where = f"{list_path(data.filelist_root, split)} with {data.preprocessed_root}"
        self.fps = data.fps
        self.mirror = split == "train" and bool(getattr(model, "mirror", False))
        self.first_row = model.img_size // 2
        self.sampler = WindowSampler(
            clips, split, num_frames=model.num_frames, fps=data.fps, seed=config.run.seed, where=where
        )

    def __len__(self) -> int:
        return self.sampler.length

    def __getitem__(self, i: int) -> dict[str, NDArray[Any]]:
        """Sample i.

        Returns:
            face_window: (3, T, S/2, S) uint8 BGR; mels: (1, 80, 16) float32 in [-4, 4]; in_sync: (1,) float32.
        """
        draw = self.sampler.draw(i)
        in_sync = bool(draw.random.integers(2))
        mirrored = bool(draw.random.integers(2)) and self.mirror
        start = draw.start if in_sync else draw.other
        face = cut_frames(draw.clip.frames, start, self.sampler.num_frames, self.first_row)
        return {
            FACE_WINDOW: np.ascontiguousarray(face[..., ::-1]) if mirrored else face,
            MELS: cut_mels(draw.clip.mel, [mel_start(draw.start, self.fps)])[0],
            IN_SYNC: np.array([in_sync], np.float32),
        }
