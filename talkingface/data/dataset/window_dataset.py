"""What all datasets of this package share: packed clips of one split, and the draw that decides a sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from talkingface.config.schema import Config
from talkingface.data.dataset.filelist import list_path
from talkingface.data.dataset.sampling import WindowSampler
from talkingface.data.dataset.store import Clip, open_clips
from talkingface.data.dataset.windows import window_steps

Sample = dict[str, NDArray[Any]]


class WindowDataset(Dataset[Sample]):
    """Map-style dataset of windows of `num_frames` consecutive frames; subclasses say what a sample holds.

    Sample i depends on the seed, the split and i alone; i may go on past `len` (the next epoch). For validation
    and test it repeats itself, and does not depend on the seed.

    Raises:
        UserError: the split's list, its clips or their packed files are missing; the message names list and folder.
    """

    def __init__(self, config: Config, split: str = "train", *, least_starts: int = 1) -> None:
        data, model = config.dataset, config.model
        self.split = split
        self.fps = data.fps
        self.num_frames = model.num_frames
        self.window_steps = window_steps(model.num_frames, data.fps)
        self.sampler = WindowSampler(
            open_clips(data, split, model.img_size, model.mel_pad_mode),
            split,
            num_frames=model.num_frames,
            fps=data.fps,
            seed=config.run.seed,
            gap=getattr(model, "reference_gap", 0),
            least_starts=least_starts,
            where=f"{list_path(data.filelist_root, split)} with {data.preprocessed_root}",
        )
        keep_freed_memory()

    @property
    def clips(self) -> list[Clip]:
        """The clips that samples are taken from; training shows the first one whole, as a video."""
        return self.sampler.clips

    def __len__(self) -> int:
        """Samples of an epoch."""
        return self.sampler.length

    def __getitem__(self, i: int) -> Sample:
        raise NotImplementedError

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        keep_freed_memory()  # in a worker process that was not forked


def keep_freed_memory() -> None:
    """Let this process reuse the memory of earlier samples.

    glibc asks the kernel anew for each block above a threshold, and the kernel clears it page by page, which takes
    longer than filling it. The threshold rises to the size of the largest such block freed so far, up to 32 MiB:
    freeing one is all that is needed. Elsewhere this does nothing.
    """
    np.empty(31 << 20, np.uint8)
