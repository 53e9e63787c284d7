"""Samples of a generator: target frames, reference frames of the same clip, and the sound of the target."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from torch.utils.data import Dataset

from talkingface.batch import GT, INDIV_MELS, MELS, REFERENCE
from talkingface.config.schema import Config
from talkingface.data.dataset.cut import cut_frames, cut_mels
from talkingface.data.dataset.filelist import list_path
from talkingface.data.dataset.sampling import WindowSampler
from talkingface.data.dataset.store import Clip, open_clips
from talkingface.data.dataset.windows import indiv_starts, mel_start

# T frames, S side of the crop


class HyperLipsBaseDataset(Dataset[dict[str, NDArray[Any]]]):
    """`num_frames` consecutive frames, as many from another start of the same clip, and their mels.

    Sample i depends on the seed, the split and i alone; i may go on past `len` (the next epoch). For validation
    and test it repeats itself, and does not depend on the seed.

    Raises:
        UserError: the split's list, its clips or their packed files are missing; the message names list and folder.
    """

    def __init__(self, config: Config, split: str = "train") -> None:
        data, model = config.dataset, config.model
        clips = open_clips(data, split, model.img_size, model.mel_pad_mode)
        where = f"{list_path(data.filelist_root, split)} with {data.preprocessed_root}"
        self.fps = data.fps
        self.sampler = WindowSampler(
            clips, split, num_frames=model.num_frames, fps=data.fps, seed=config.run.seed, where=where
        )

    @property
    def clips(self) -> list[Clip]:
        """The clips that samples are taken from."""
        return self.sampler.clips

    def __len__(self) -> int:
        return self.sampler.length

    def __getitem__(self, i: int) -> dict[str, NDArray[Any]]:
        """Sample i.

        Returns:
            gt, reference: (3, T, S, S) uint8 BGR; indiv_mels: (T, 1, 80, 16); mels: (1, 80, 16), float32 in [-4, 4].
        """
        draw = self.sampler.draw(i)
        count = self.sampler.num_frames
        frames, mel = draw.clip.frames, draw.clip.mel
        return {
            GT: cut_frames(frames, draw.start, count),
            REFERENCE: cut_frames(frames, draw.other, count),
            INDIV_MELS: cut_mels(mel, indiv_starts(draw.start, count, self.fps)),
            MELS: cut_mels(mel, [mel_start(draw.start, self.fps)])[0],
        }
