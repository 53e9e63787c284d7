"""What earlier, interrupted evaluations have written of a clip, and whether it still is of the same inputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkingface.evaluator.clip_result import ClipResult
from talkingface.utils.errors import UserError
from talkingface.utils.files import read_json, write_json

SCORE, RESULT = "score", "result"


@dataclass(kw_only=True)
class ClipCache:
    """The file clips/<name>.json: marks of the inputs of each dubbed video and of the scores, and the scores.

    A mark is a text that changes with whatever the thing was made from.
    """

    file: Path
    saved: dict[str, Any]

    @classmethod
    def open(cls, out_dir: Path, name: str) -> ClipCache:
        """Read what there is; a missing or damaged file holds nothing."""
        file = out_dir / "clips" / f"{name}.json"
        try:
            saved = read_json(file) if file.is_file() else {}
        except UserError:
            saved = {}
        return cls(file=file, saved=saved if isinstance(saved, dict) else {})

    def has_video(self, key: str, mark: str, video: Path) -> bool:
        """Whether the video is there and was made from what the mark says."""
        return self.saved.get(key) == mark and video.is_file()

    def add_video(self, key: str, mark: str, **more: Any) -> None:
        """Note what a video that has just been written was made from, and what else was seen while it was drawn."""
        self._add({key: mark, **more})

    def result(self, mark: str) -> ClipResult | None:
        """Return the scores, if they were taken from what the mark says."""
        if self.saved.get(SCORE) != mark:
            return None
        try:
            return ClipResult.from_plain(self.saved[RESULT])
        except (KeyError, TypeError, AttributeError):  # a file that somebody has changed
            return None

    def add_result(self, mark: str, result: ClipResult) -> None:
        """Keep the scores; those of a clip that failed, wholly or in part, are taken again next time."""
        if result.failed is None and result.cross_failed is None:
            self._add({SCORE: mark, RESULT: result.plain()})

    def _add(self, values: dict[str, Any]) -> None:
        self.saved.update(values)
        write_json(self.file, self.saved)
