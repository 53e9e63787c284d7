"""Silence: some clips are dubbed with digital silence of their own length; whatever moves is the source's (leakage)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import numpy as np

from talkingface.evaluator.clip_result import ClipResult, EvalClip, RowClip, finite
from talkingface.evaluator.measured_video import MeasuredVideo
from talkingface.evaluator.metrics.opening import Leakage
from talkingface.evaluator.protocols.dubbing import DubbingProtocol
from talkingface.evaluator.scorer import Scorer
from talkingface.utils.media.audio import read_audio, write_wav
from talkingface.utils.media.mel import SAMPLE_RATE


@dataclass(frozen=True, kw_only=True)
class Silence(DubbingProtocol):
    """Some clips, without sound."""

    clips: Collection[str]
    """Names of the clips that are dubbed, see `silent_clips`."""

    key: ClassVar[str] = "silent"
    rows: ClassVar[Mapping[str, str]] = {"silence": "model, silence"}
    how: ClassVar[Mapping[str, str]] = {
        "silence": "leakage_clips clips dubbed with digital silence of their own length; leakage alone is taken"
    }

    def sound_mark(self, clip: EvalClip) -> str | None:
        """The same for all."""
        return "silence" if clip.name in self.clips else None

    @contextmanager
    def sound(self, clip: EvalClip) -> Iterator[Path]:
        """Give a sound file of zeros as long as the clip's own sound; gone afterwards.

        Raises:
            MediaError: the video has no sound whose length could be taken.
        """
        samples = read_audio(clip.video, SAMPLE_RATE)
        with TemporaryDirectory(prefix="silence-") as folder:
            path = Path(folder) / "silence.wav"
            write_wav(path, np.zeros_like(samples), SAMPLE_RATE)
            yield path

    def video(self, out_dir: Path, clip: EvalClip) -> Path:
        """`silence/<name>.mp4`."""
        return out_dir / "silence" / f"{clip.name}.mp4"

    def score(
        self, result: ClipResult, scorer: Scorer, *, real: MeasuredVideo, made: MeasuredVideo, out_dir: Path
    ) -> None:
        """Take the leakage over all frames: those near the reference have no sound of their own to gain from."""
        result.silence = {Leakage.name: finite(Leakage().calculate_metric(scorer.pair(real, made)))}

    @staticmethod
    def row_clips(results: Sequence[ClipResult]) -> dict[str, list[RowClip]]:
        """The clips that were dubbed with silence."""
        return {"silence": [RowClip(name=one.name, scores=one.silence) for one in results if one.silence]}


def silent_clips(names: Sequence[str], count: int) -> set[str]:
    """Return at most `count` of the clips, evenly spread over the sorted names and so over the speakers."""
    ordered = sorted(names)
    places = np.linspace(0, len(ordered) - 1, min(count, len(ordered))).round().astype(int)
    return {ordered[place] for place in places}
