"""The leakage protocol: some clips dubbed with digital silence of their own length; whatever moves is the source's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from talkingface.utils.media.audio import read_audio, write_wav
from talkingface.utils.media.mel import SAMPLE_RATE


def silent_clips(names: Sequence[str], count: int) -> set[str]:
    """Return at most `count` of the clips, evenly spread over the sorted names and so over the speakers."""
    ordered = sorted(names)
    places = np.linspace(0, len(ordered) - 1, min(count, len(ordered))).round().astype(int)
    return {ordered[place] for place in places}


@contextmanager
def silence_of(video: Path) -> Iterator[Path]:
    """A sound file of zeros as long as the video's own sound; gone afterwards.

    Raises:
        MediaError: the video has no sound whose length could be taken.
    """
    samples = read_audio(video, SAMPLE_RATE)
    with TemporaryDirectory(prefix="silence-") as folder:
        path = Path(folder) / "silence.wav"
        write_wav(path, np.zeros_like(samples), SAMPLE_RATE)
        yield path
