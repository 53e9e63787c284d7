"""What a protocol that dubs the test clips is: which sound each clip gets, what is compared, which rows it gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

from talkingface.evaluator.clip_result import ClipResult, EvalClip, RowClip
from talkingface.evaluator.measured_video import MeasuredVideo
from talkingface.evaluator.scorer import Scorer


class DubbingProtocol(ABC):
    """One way of dubbing the test clips."""

    key: ClassVar[str]
    """Under which a clip's file in clips/ says what the video was made from."""
    rows: ClassVar[Mapping[str, str]]
    """Rows of the report and their titles."""
    how: ClassVar[Mapping[str, str]]
    """What metrics.json says about the protocol."""
    own_sound: ClassVar[bool] = False
    """Whether clips are dubbed with the sound that the real video has."""
    at_real_boxes: ClassVar[bool] = True
    """Whether faces are cut at the real video's boxes, or at those of the dubbed video itself."""
    may_fail: ClassVar[bool] = False
    """Whether a clip that this protocol cannot dub stays in the evaluation, `cross_failed` saying why."""

    @abstractmethod
    def sound_mark(self, clip: EvalClip) -> str | None:
        """Return a text that changes with the sound that the clip is dubbed with; None where it is not dubbed."""

    @abstractmethod
    def sound(self, clip: EvalClip) -> AbstractContextManager[Path]:
        """Give a file with that sound.

        Raises:
            MediaError: there is none to be had.
        """

    @abstractmethod
    def video(self, out_dir: Path, clip: EvalClip) -> Path:
        """Return where the dubbed video is written."""

    @abstractmethod
    def score(
        self, result: ClipResult, scorer: Scorer, *, real: MeasuredVideo, made: MeasuredVideo, out_dir: Path
    ) -> None:
        """Put the dubbed video's scores into the clip's result."""

    @staticmethod
    @abstractmethod
    def row_clips(results: Sequence[ClipResult]) -> dict[str, list[RowClip]]:
        """Return what each clip gives to the protocol's rows; rows without clips may be empty."""
