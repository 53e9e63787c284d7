"""Samples of a generator: target frames, reference frames of the same clip, and the sound of the target."""

from __future__ import annotations

from talkingface.batch import GT, INDIV_MELS, MELS, REFERENCE
from talkingface.data.dataset.cut import cut_frames, cut_mels
from talkingface.data.dataset.window_dataset import Sample, WindowDataset
from talkingface.data.dataset.windows import indiv_starts, mel_start

# T frames, S side of the crop


class HyperLipsBaseDataset(WindowDataset):
    """`num_frames` consecutive frames, as many from another start of the same clip, and their mels."""

    def __getitem__(self, i: int) -> Sample:
        """Sample i.

        Returns:
            gt, reference: (3, T, S, S) uint8 BGR; indiv_mels: (T, 1, 80, 16); mels: (1, 80, 16), float32 in [-4, 4].
        """
        draw = self.sampler.draw(i)
        frames, mel = draw.clip.frames, draw.clip.mel
        return {
            GT: cut_frames(frames, draw.start, self.num_frames),
            REFERENCE: cut_frames(frames, draw.other, self.num_frames),
            INDIV_MELS: cut_mels(mel, indiv_starts(draw.start, self.num_frames, self.fps)),
            MELS: cut_mels(mel, [mel_start(draw.start, self.fps)])[0],
        }
