"""Samples of a generator: target frames, reference frames of the same clip, and the sound of the target."""

from __future__ import annotations

from talkingface.batch import GT, INDIV_MELS, MELS, REFERENCE
from talkingface.config.schema import Config
from talkingface.data.dataset.cut import cut_frames, cut_mels
from talkingface.data.dataset.quiet import quiet_starts
from talkingface.data.dataset.sampling import Draw
from talkingface.data.dataset.window_dataset import Sample, WindowDataset
from talkingface.data.dataset.windows import indiv_starts, mel_start
from talkingface.utils.media.mel import LIMIT

# T frames, S side of the crop


class GeneratorDataset(WindowDataset):
    """`num_frames` consecutive frames, as many from another start of the same clip, and their mels.

    Where the model's configuration has a `silence_probability`, that share of the training samples shows frames of a
    quiet stretch of the clip, if it has one, and hears digital silence.
    """

    def __init__(self, config: Config, split: str = "train") -> None:
        super().__init__(config, split)
        self.silence = getattr(config.model, "silence_probability", 0.0) if split == "train" else 0.0

    def __getitem__(self, i: int) -> Sample:
        """Sample i.

        Returns:
            gt, reference: (3, T, S, S) uint8 BGR; indiv_mels: (T, 1, 80, 16); mels: (1, 80, 16 for up to 5 frames),
            float32 in [-4, 4].
        """
        draw = self.sampler.draw(i)
        silenced = self._silenced(draw) if self.silence and draw.random.random() < self.silence else None
        draw = silenced or draw
        frames, mel = draw.clip.frames, draw.clip.mel
        sample: Sample = {
            GT: cut_frames(frames, draw.start, self.num_frames),
            REFERENCE: cut_frames(frames, draw.other, self.num_frames),
            INDIV_MELS: cut_mels(mel, indiv_starts(draw.sound, self.num_frames, self.fps)),
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
