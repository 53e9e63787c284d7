"""Another clip's sound: does the mouth follow what it hears, or copy what the source video shows?

Each clip is dubbed with the sound of one other clip, by a seeded derangement. There is no real video of this, so
pictures are not compared: the sync scores are taken, and the mouth's opening is compared with that of the clip whose
sound is heard, at equal times, and with that of the clip whose face is seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

import numpy as np

from talkingface.evaluator.clip_result import ClipResult, EvalClip, RowClip, Scores, finite, from_curve, to_curve
from talkingface.evaluator.measured_video import MeasuredVideo
from talkingface.evaluator.metrics.opening import pearson, resample, spread_ratio
from talkingface.evaluator.protocols.dubbing import DubbingProtocol
from talkingface.evaluator.scorer import Scorer
from talkingface.utils.files import digest, file_mark

TRIES = 400
FACE_R = "opening_r_face"
"""Key of the correlation with the face's own clip, which is low for a model that listens and high for one that copies
the source."""
FACE_R_TITLE = "opening r to the face's own clip →0"


@dataclass(frozen=True, kw_only=True)
class OtherSound(DubbingProtocol):
    """Every clip that has a partner, with the partner's sound."""

    sounds: Mapping[str, EvalClip]
    """Clip name to the clip whose sound it gets."""

    key: ClassVar[str] = "cross"
    rows: ClassVar[Mapping[str, str]] = {"cross": "model, another clip's sound"}
    how: ClassVar[Mapping[str, str]] = {
        "cross": "opening_r and opening_amplitude against the clip whose sound was used; opening_r_face against the "
        "clip whose face was used (low is right)"
    }
    at_real_boxes: ClassVar[bool] = False
    may_fail: ClassVar[bool] = True

    def sound_mark(self, clip: EvalClip) -> str | None:
        """The partner's name and file."""
        other = self.sounds.get(clip.name)
        return None if other is None else digest(other.name, file_mark(other.video))

    def sound(self, clip: EvalClip) -> AbstractContextManager[Path]:
        """The partner's video."""
        return nullcontext(self.sounds[clip.name].video)

    def video(self, out_dir: Path, clip: EvalClip) -> Path:
        """`videos/<name>__<partner>.mp4`."""
        return cross_video(out_dir, clip.name, self.sounds[clip.name].name)

    def score(
        self, result: ClipResult, scorer: Scorer, *, real: MeasuredVideo, made: MeasuredVideo, out_dir: Path
    ) -> None:
        """Take the sync scores and keep the opening, which `compare_openings` compares when all clips are measured."""
        result.sound_from = self.sounds[result.name].name
        result.opening_cross = to_curve(made.opening)
        result.cross = scorer.scores(scorer.pair(made, made), metric_type="sync")

    @staticmethod
    def row_clips(results: Sequence[ClipResult]) -> dict[str, list[RowClip]]:
        """The clips that were dubbed with another's sound."""
        by_name = {one.name: one for one in results}
        crossed = [(one, sound_openings(one, by_name.get(one.sound_from or ""))) for one in results if one.cross]
        return {"cross": [RowClip(name=one.name, scores=one.cross, openings=curves) for one, curves in crossed]}


def cross_video(out_dir: Path, name: str, sound_from: str) -> Path:
    """Return where the video of a clip with another's sound is."""
    return out_dir / "videos" / f"{name}__{sound_from.replace('/', '-')}.mp4"


def sound_openings(result: ClipResult, other: ClipResult | None) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the dubbed mouth's opening and, at equal times, that of the clip whose sound it has; None without them."""
    if other is None or not other.opening_real or not result.opening_cross:
        return None
    made = from_curve(result.opening_cross)
    times = np.arange(len(made)) / result.fps
    return made, resample(from_curve(other.opening_real), other.fps, times)


def compare_openings(results: Iterable[ClipResult]) -> None:
    """Add to each clip's `cross` scores how its opening agrees with the sound's clip and with the face's own."""
    results = list(results)
    by_name = {one.name: one for one in results}
    for one in results:
        if one.sound_from is not None:
            one.cross.update(opening_scores(one, by_name[one.sound_from]))


def opening_scores(result: ClipResult, other: ClipResult) -> Scores:
    """Return `opening_r` and `opening_amplitude` to the sound's clip and `opening_r_face`; empty without curves."""
    curves = sound_openings(result, other)
    if curves is None:
        return {}  # the sound's clip was left out
    made, sound = curves
    face = from_curve(result.opening_real)
    count = min(len(made), len(face))
    return {
        "opening_r": finite(pearson(made, sound)),
        "opening_amplitude": finite(spread_ratio(made, sound)),
        FACE_R: finite(pearson(made[:count], face[:count])),
    }


def cross_pairs(names: list[str], seed: int) -> dict[str, str]:
    """Return the sound's clip for each clip; never itself, each sound used once. Empty for fewer than two clips.

    Of many random derangements the first with the fewest pairs of like speech is taken: clips of one name under two
    speakers (`a/001`, `b/001`) are often the same sentence. Pairs of one speaker count as a lesser blemish.
    """
    if len(names) < 2:
        return {}
    rng = np.random.Generator(np.random.Philox(seed))
    ordered = sorted(names)
    best = {name: ordered[(i + 1) % len(ordered)] for i, name in enumerate(ordered)}
    cost = _cost(best)
    for _ in range(TRIES):
        if cost == 0:
            break
        # a random cycle through all clips has no fixed point
        cycle = [ordered[i] for i in rng.permutation(len(ordered))]
        trial = {name: cycle[(i + 1) % len(cycle)] for i, name in enumerate(cycle)}
        if (new := _cost(trial)) < cost:
            best, cost = trial, new
    return best


def _cost(pairs: dict[str, str]) -> int:
    """Pairs of like speech count 1000, pairs of one speaker 1."""
    total = 0
    for name, other in pairs.items():
        a, b = PurePosixPath(name), PurePosixPath(other)
        total += 1000 * (a.name == b.name) + (a.parent == b.parent and str(a.parent) != ".")
    return total
