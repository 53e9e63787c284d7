"""Samples of HyperLipsHR: a real face, its sketch and lip mask, and the Base's face of the same frame."""

# S side of the real face, P of the base face: 128, or of the patch that is cut out of it

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from talkingface.batch import HYPER_SIZE
from talkingface.config.schema import Config
from talkingface.data.dataset.hr_store import LINES, PICTURES, HRClip, open_hr_clips, side_of
from talkingface.data.dataset.window_dataset import keep_freed_memory
from talkingface.utils.errors import UserError

Sample = dict[str, NDArray[np.uint8]]
HELD_BACK = 6
"""With `train_on: held_out`, each so-manieth clip of the validation list is kept for validation."""
_STREAM = {"train": 16, "val": 17, "test": 18}
"""Random streams that no other dataset uses."""
_PATCHES = 19
"""The stream of the places of patches."""


class HyperLipsHRDataset(Dataset[Sample]):
    """Single frames, each once an epoch, in an order that seed, epoch and split decide.

    Where the configuration has a `patch_size`, a training sample is a patch of its frame, the same of all pictures and
    at a random place: what is not trained on is never copied to the device. Where a patch has no lips, lip losses look
    at all of it.

    Sample i depends on the seed, the split and i alone; i may go on past `len` (the next epoch). Validation and test
    repeat themselves, and do not depend on the seed.

    Raises:
        UserError: the split's list, its clips or their packed files are missing.
    """

    def __init__(self, config: Config, split: str = "train") -> None:
        self.split = split
        self.seed = config.run.seed if split == "train" else 0
        self.img_size = config.model.img_size
        self.patch: int | None = getattr(config.model, "patch_size", None) if split == "train" else None
        self.frames_of = _clips(config, split)
        self._ends = np.cumsum([clip.count for clip in self.frames_of])
        self._order: dict[int, NDArray[np.int64]] = {}
        keep_freed_memory()

    def __len__(self) -> int:
        """Frames of the split."""
        return int(self._ends[-1])

    def __getitem__(self, i: int) -> Sample:
        """Sample i.

        Returns:
            gt_img (3, S, S), hyper_img (3, P, P) BGR; gt_sketch, gt_mask (1, S, S), hyper_sketch (1, P, P), 0 or 255;
            all uint8.
        """
        clip, number = self._draw(i)
        frame = clip.frame(number)
        rows, columns = self._place(*divmod(i, len(self)))
        sample = {}
        for key in PICTURES:
            scale = side_of(key, self.img_size) // HYPER_SIZE
            across = slice(columns.start * scale, columns.stop * scale)
            kept = frame[key][rows.start * scale : rows.stop * scale]
            sample[key] = _lines(kept, across) if key in LINES else _colours(kept[:, across])
        return sample

    def describe(self, i: int) -> dict[str, Any]:
        """Where sample i is from, for messages; frames are counted among those that are packed."""
        clip, number = self._draw(i)
        return {"clip": clip.name, "frame": number}

    def _draw(self, i: int) -> tuple[HRClip, int]:
        """Sample i's clip, and which of its packed frames it is."""
        epoch, index = divmod(i, len(self))
        place = int(self._epoch_order(epoch if self.split == "train" else 0)[index])
        k = int(np.searchsorted(self._ends, place, side="right"))
        return self.frames_of[k], place - (int(self._ends[k - 1]) if k else 0)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        keep_freed_memory()  # in a worker process that was not forked

    def _place(self, epoch: int, index: int) -> tuple[slice, slice]:
        """Rows and columns of the base face that are shown."""
        if self.patch is None:
            return slice(0, HYPER_SIZE), slice(0, HYPER_SIZE)
        random = np.random.Generator(np.random.Philox(key=[self.seed, _PATCHES], counter=[0, 0, epoch, index]))
        top, left = (int(start) for start in random.integers(HYPER_SIZE - self.patch + 1, size=2))
        return slice(top, top + self.patch), slice(left, left + self.patch)

    def _epoch_order(self, epoch: int) -> NDArray[np.int64]:
        if epoch not in self._order:
            if len(self._order) > 1:  # a loader that reads ahead needs two epochs, never more
                self._order.pop(min(self._order))
            random = np.random.Generator(
                np.random.Philox(key=[self.seed, _STREAM[self.split]], counter=[0, 0, epoch, 0])
            )
            self._order[epoch] = random.permutation(len(self))
        return self._order[epoch]


def _clips(config: Config, split: str) -> list[HRClip]:
    """The split's clips; with `train_on: held_out` training and validation share the validation list."""
    size = config.model.img_size
    if split == "test" or getattr(config.model, "train_on", "train") == "train":
        return open_hr_clips(config.dataset, split, size)
    held_out = open_hr_clips(config.dataset, "val", size)
    if len(held_out) < 2:
        raise UserError(
            f"train_on: held_out needs two clips in the validation list, got {len(held_out)}; list more, or set it to "
            "train"
        )
    kept = held_out[HELD_BACK - 1 :: HELD_BACK] or held_out[-1:]
    return kept if split == "val" else [clip for clip in held_out if clip not in kept]


def _colours(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(S, S, 3) to (3, S, S), contiguous."""
    return np.ascontiguousarray(picture.transpose(2, 0, 1))


def _lines(bits: NDArray[np.uint8], columns: slice) -> NDArray[np.uint8]:
    """(h, S/8) bits to (1, h, w), 0 or 255."""
    return np.unpackbits(bits, axis=1)[None, :, columns] * np.uint8(255)
