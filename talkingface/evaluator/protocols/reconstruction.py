"""Reconstruction: each clip is dubbed with its own sound and compared with itself, frames near the reference left out.

A model is shown the clip's first face whole. When the clip is dubbed with its own sound, that frame shows its own true
mouth, and its neighbours nearly theirs, so a model that copies the reference would score well there. Dubbing stretches
with references from elsewhere would avoid it too, but the face would jump where the reference changes, and the written
video would not be the one that `generate` gives. So the video stays as it is, and its first half second counts for
nothing, in the real row too.

Half a second, because by then a mouth says nothing about itself: on rendered speakers the autocorrelation of the
opening is 0.8 at one frame of 25 fps, 0.1 at four, and within 0.16 of zero from seven on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from talkingface.evaluator.clip_result import ClipResult, EvalClip, RowClip, from_curve
from talkingface.evaluator.measured_video import MeasuredVideo
from talkingface.evaluator.protocols.dubbing import DubbingProtocol
from talkingface.evaluator.scorer import Scorer

SECONDS = 0.5
"""Time after the reference that is left out."""


MODEL_ROWS = ("model", "seen", "new")
"""Rows of the videos dubbed with their own sound."""


class Reconstruction(DubbingProtocol):
    """Every clip, its own sound, against the real video."""

    key: ClassVar[str] = "own"
    rows: ClassVar[Mapping[str, str]] = {
        "real": "real videos",
        "model": "model, all clips",
        "seen": "model, speakers seen in training",
        "new": "model, new speakers",
    }
    how: ClassVar[Mapping[str, str]] = {
        "reference": "the clip's first face crop; the model sees the lower half of no other frame, and the first "
        f"{SECONDS:g} s from it on is not measured, where its own mouth would leak"
    }

    own_sound: ClassVar[bool] = True

    def sound_mark(self, clip: EvalClip) -> str:
        """The face's own."""
        return ""

    def sound(self, clip: EvalClip) -> AbstractContextManager[Path]:
        """The clip itself."""
        return nullcontext(clip.video)

    def video(self, out_dir: Path, clip: EvalClip) -> Path:
        """`videos/<name>.mp4`."""
        return out_dir / "videos" / f"{clip.name}.mp4"

    def score(
        self, result: ClipResult, scorer: Scorer, *, real: MeasuredVideo, made: MeasuredVideo, out_dir: Path
    ) -> None:
        """Take every metric of the frames that are far enough from the reference."""
        first = measured_from(real)
        pair = scorer.pair(from_frame(real, first), from_frame(made, first))
        scorer.compare(pair, result, out_dir=out_dir)
        result.measured_from = first
        result.faces_missing = int((~scorer.pair(real, made).both).sum())

    @staticmethod
    def row_clips(results: Sequence[ClipResult]) -> dict[str, list[RowClip]]:
        """Real videos, and the model on all clips, on seen and on new speakers."""
        return {
            "real": [RowClip(name=one.name, scores=one.real) for one in results],
            "model": [_row_clip(one) for one in results],
            "seen": [_row_clip(one) for one in results if one.speaker_seen is True],
            "new": [_row_clip(one) for one in results if one.speaker_seen is False],
        }


def _row_clip(result: ClipResult) -> RowClip:
    made, real = from_curve(result.opening_model), from_curve(result.opening_real)
    count = min(len(made), len(real))
    return RowClip(name=result.name, scores=result.model, openings=(made[:count], real[:count]))


def measured_from(real: MeasuredVideo) -> int:
    """Return the first frame that counts; in clips of under a second, half of the frames from the reference on do.

    Args:
        real: the video that is dubbed; its first face is the reference.
    """
    faces = np.flatnonzero(real.present)
    if not len(faces):
        return 0
    reference = int(faces[0])
    return reference + min(math.ceil(SECONDS * real.fps), (len(real.boxes) - reference) // 2)


def from_frame(video: MeasuredVideo, first: int) -> MeasuredVideo:
    """Return the video with the frames before `first` marked as having no face; numbering and sound stay."""
    boxes, landmarks, crops, opening = (
        one.copy() for one in (video.boxes, video.landmarks, video.crops, video.opening)
    )
    boxes[:first], landmarks[:first], crops[:first], opening[:first] = np.nan, np.nan, 0, np.nan
    return replace(video, boxes=boxes, landmarks=landmarks, crops=crops, opening=opening)
