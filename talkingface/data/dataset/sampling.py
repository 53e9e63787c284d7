"""From a sample's number to its clip and window: the same answer in every process, on any number of ranks.

Sample i of a split with n windows an epoch belongs to epoch i // n. All windows of the split are laid end to end
and cut into n equal pieces; each epoch visits the pieces in its own order and takes one window of each, so that an
epoch covers the data evenly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from talkingface.data.dataset.store import Clip
from talkingface.timing import run_starts, valid_starts
from talkingface.utils.errors import UserError

_STREAM = {"train": 0, "val": 1, "test": 2}


@dataclass(frozen=True)
class Draw:
    """One sample: which clip, the window's first frame, the other window's, and what else has to be random."""

    clip: Clip
    start: int
    other: int
    random: np.random.Generator
    number: int
    """Which of the sampler's clips it is."""

    @property
    def sound(self) -> int:
        """Frame at which the sound of `start` lies."""
        return self.start + self.clip.sound_shift


class WindowSampler:
    """Decides every sample of one split.

    Args:
        clips: packed clips of the split; those without two windows are passed over.
        split: `train`, `val` or `test`.
        num_frames: frames in a window.
        fps: frames a second.
        least_starts: windows that a clip must have.
        gap: frames that lie between a window and the other one, where the clip is long enough for it.
        seed: seed of the training order. Validation and test do not depend on it: they are the same in every run.
        where: list and folder, for messages.

    Raises:
        UserError: no clip has a window.
    """

    def __init__(
        self,
        clips: list[Clip],
        split: str,
        *,
        num_frames: int,
        fps: int,
        seed: int,
        where: str,
        gap: int = 0,
        least_starts: int = 1,
    ) -> None:
        starts = [
            valid_starts(clip.present, clip.mel_steps, num_frames, fps, sound_shift=clip.sound_shift) for clip in clips
        ]
        others = [run_starts(clip.present, num_frames) for clip in clips]
        usable = [k for k in range(len(clips)) if len(starts[k]) >= least_starts and len(others[k]) > 1]
        if not usable:
            raise UserError(
                f"{where}: none of its {len(clips)} clips has {num_frames} consecutive frames with a face and sound "
                f"around them; use longer clips"
            )
        self.clips = [clips[k] for k in usable]
        self.split = split
        self.num_frames, self.gap = num_frames, gap
        self.seed = seed if split == "train" else 0
        self._starts = [starts[k] for k in usable]
        self._others = [others[k] for k in usable]
        self._ends = np.cumsum([len(s) for s in self._starts])
        self.length = max(int(self._ends[-1]) // num_frames, len(self.clips))
        self._order: dict[int, NDArray[np.int64]] = {}

    def draw(self, i: int) -> Draw:
        """Sample i, any number from 0; beyond an epoch training goes on, validation and test repeat themselves."""
        epoch, index = divmod(i, self.length)
        if self.split != "train":
            epoch = 0
        random = self._generator(1, epoch, index)
        piece = int(self._epoch_order(epoch)[index])
        total = int(self._ends[-1])
        low = piece * total // self.length
        high = max((piece + 1) * total // self.length, low + 1)
        window = int(random.integers(low, high))
        k = int(np.searchsorted(self._ends, window, side="right"))
        first = int(self._ends[k - 1]) if k else 0
        start = int(self._starts[k][window - first])
        return Draw(self.clips[k], start, self._other(self._others[k], start, random), random, k)

    def starts(self, draw: Draw) -> NDArray[np.int64]:
        """Frames at which a window of the draw's clip may start, ascending."""
        return self._starts[draw.number]

    def moved(self, draw: Draw, start: int) -> Draw:
        """The draw with another window of its clip, and an other one that goes with that."""
        other = self._other(self._others[draw.number], start, draw.random)
        return replace(draw, start=start, other=other)

    def other_sounds(self, draw: Draw, count: int) -> list[int]:
        """Frames at which the sound of other windows of the draw's clip lies; wants `least_starts` of 2."""
        starts = self._starts[draw.number]
        return [self._other(starts, draw.start, draw.random) + draw.clip.sound_shift for _ in range(count)]

    def _other(self, starts: NDArray[np.int64], start: int, random: np.random.Generator) -> int:
        """Another start of the clip: one as far away as wanted, else whose window does not overlap, else any other."""
        for distance in (self.num_frames + self.gap, self.num_frames, 1):
            low = int(np.searchsorted(starts, start - distance, side="right"))
            high = int(np.searchsorted(starts, start + distance, side="left"))
            free = len(starts) - (high - low)
            if free:
                k = int(random.integers(free))
                return int(starts[k if k < low else k + high - low])
        raise AssertionError("a clip with one window was kept")

    def _epoch_order(self, epoch: int) -> NDArray[np.int64]:
        if epoch not in self._order:
            if len(self._order) > 1:  # a loader that reads ahead needs two epochs, never more
                self._order.pop(min(self._order))
            self._order[epoch] = self._generator(0, epoch, 0).permutation(self.length)
        return self._order[epoch]

    def _generator(self, purpose: int, epoch: int, index: int) -> np.random.Generator:
        key = [self.seed, _STREAM[self.split] << 1 | purpose]
        return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, epoch, index]))
