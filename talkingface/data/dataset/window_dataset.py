"""Datasets of windows of consecutive frames: what they share, and the samples that generators learn from.

A generator's sample has target frames, reference frames of the same clip, and the sound of the target.
"""

# T frames, S side of the crop

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from talkingface.batch import GT, INDIV_MELS, MELS, REFERENCE
from talkingface.config.schema import Config
from talkingface.data.dataset.filelist import list_path
from talkingface.data.dataset.sampling import Draw, WindowSampler
from talkingface.data.dataset.store import Clip, cut_face_mels, cut_frames, cut_mels, open_clips
from talkingface.timing import face_mel_starts, mel_start, window_steps
from talkingface.utils.media.mel import LIMIT

Sample = dict[str, NDArray[Any]]

QUIET = 0.2
"""A mel step is quiet below this share of the way from the clip's quietest to its loudest."""
FEWEST_LEVELS = 0.5
"""Mel units (of 8) between quietest and loudest that a clip must have for its quiet steps to mean anything."""


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

    def describe(self, i: int) -> dict[str, Any]:
        """Where sample i is from, for messages."""
        draw = self.sampler.draw(i)
        return {"clip": draw.clip.name, "frame": draw.start}

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


class GeneratorDataset(WindowDataset):
    """`num_frames` consecutive frames, as many from another start of the same clip, and their mels.

    Where the model's configuration has a `silence_probability`, that share of the training samples shows frames of a
    quiet stretch of the clip, if it has one, and hears digital silence.
    """

    def __init__(self, config: Config, split: str = "train") -> None:
        super().__init__(config, split)
        self.mel_context = config.model.mel_context
        self.silence = getattr(config.model, "silence_probability", 0.0) if split == "train" else 0.0

    def __getitem__(self, i: int) -> Sample:
        """Sample i.

        Returns:
            gt, reference: (3, T, S, S) uint8 BGR; indiv_mels: (T, 1, 80, 16 and the model's context on both sides) and
            mels: (1, 80, 16 for up to 5 frames), float32 in [-4, 4].
        """
        draw = self.sampler.draw(i)
        silenced = self._silenced(draw) if self.silence and draw.random.random() < self.silence else None
        draw = silenced or draw
        frames, mel = draw.clip.frames, draw.clip.mel
        heard = range(draw.sound, draw.sound + self.num_frames)
        sample: Sample = {
            GT: cut_frames(frames, draw.start, self.num_frames),
            REFERENCE: cut_frames(frames, draw.other, self.num_frames),
            INDIV_MELS: cut_face_mels(mel, face_mel_starts(heard, self.fps, steps=mel.shape[1]), self.mel_context),
            MELS: cut_mels(mel, [mel_start(draw.sound, self.fps)], self.window_steps)[0],
        }
        if silenced is not None:
            sample[INDIV_MELS].fill(-LIMIT)
            sample[MELS].fill(-LIMIT)
        return sample

    def _silenced(self, draw: Draw) -> Draw | None:
        """A quiet window of the draw's clip, if there is one."""
        starts = self.sampler.starts(draw)
        quiet = quiet_starts(draw.clip.mel, starts, self.num_frames, self.fps, sound_shift=draw.clip.sound_shift)
        if not len(quiet):
            return None
        return self.sampler.moved(draw, int(quiet[draw.random.integers(len(quiet))]))


def quiet_starts(
    mel: NDArray[np.float32], starts: NDArray[np.int64], num_frames: int, fps: float = 25, *, sound_shift: int = 0
) -> NDArray[np.int64]:
    """Those of `starts` whose window hears nothing but quiet, from a frame before it to its end.

    Args:
        mel: (80, n) of the clip.
        starts: first frames of windows.
        num_frames: frames in a window.
        fps: frames a second.
        sound_shift: the sound of frame k lies at frame k + `sound_shift`.
    """
    level = mel.mean(axis=0)
    low, high = np.percentile(level, (2, 95))
    if high - low < FEWEST_LEVELS:
        return starts[:0]
    loud = np.concatenate([[0], np.cumsum(level > low + QUIET * (high - low))])
    begins = np.array(face_mel_starts(starts + sound_shift, fps, steps=mel.shape[1]), np.int64)
    ends = np.minimum(begins + window_steps(num_frames + 1, fps), mel.shape[1])
    return starts[loud[ends] == loud[begins]]
