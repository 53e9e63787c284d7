"""All that is known of an evaluation, read from its metrics.json, of whatever version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkingface.evaluator.clip_result import INFINITY, ClipResult
from talkingface.evaluator.protocols.other_sound import cross_video
from talkingface.evaluator.summary import Interval, Row, intervals, summarise
from talkingface.utils.errors import UserError
from talkingface.utils.files import read_json

POOLED_LATER = ("opening_amplitude", "opening_amplitude_mean", "opening_r_pooled")
"""Values of the cross row that older evaluations took otherwise, or not at all."""


@dataclass(frozen=True, kw_only=True)
class EvaluationFacts:
    """What an evaluation has written."""

    folder: Path
    rows: dict[str, Row]
    ranges: dict[str, dict[str, Interval]]
    clips: list[ClipResult]
    failed: list[dict[str, str]]
    not_measured: dict[str, str]
    decoder: list[list[str]]
    """Table of the HR decoder and its Base, heading first; empty for other models."""
    protocol: dict[str, Any]
    videos: dict[str, list[str]]
    """Each clip's real and generated video as noted: from the evaluation's folder, or as it was given."""
    without_partner: list[str]
    """Videos of two folders that do not belong together."""

    @property
    def good(self) -> list[ClipResult]:
        """Clips that did not fail."""
        return [one for one in self.clips if one.failed is None]

    def real(self, clip: ClipResult) -> Path | None:
        """Return the clip's real video, if its place was noted; it may be gone."""
        noted = self.videos.get(clip.name)
        return self._noted(noted[0]) if noted else None

    def made(self, clip: ClipResult) -> Path:
        """Return the generated video with the clip's own sound."""
        noted, usual = self.videos.get(clip.name), self.folder / "videos" / f"{clip.name}.mp4"
        return usual if usual.is_file() or not noted else self._noted(noted[1])

    def cross(self, clip: ClipResult) -> Path | None:
        """Return the generated video with another clip's sound, if there is one."""
        return None if clip.sound_from is None else cross_video(self.folder, clip.name, clip.sound_from)

    def _noted(self, path: str) -> Path:
        """A path from the folder; evaluations of before noted it as seen from where they were started."""
        from_folder = self.folder / path
        return from_folder if from_folder.is_file() or not Path(path).is_file() else Path(path)


def read_evaluation(folder: Path) -> EvaluationFacts | None:
    """Read an evaluation's metrics.json; None where there is none.

    Raises:
        UserError: it is damaged.
    """
    path = folder / "metrics.json"
    saved = read_json(path) if path.is_file() else None
    try:
        return _from_plain(folder, saved) if saved else None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: cannot be understood ({error!r}); was it made by another version?") from error


def _from_plain(folder: Path, saved: dict[str, Any]) -> EvaluationFacts:
    clips = [ClipResult.from_plain(one) for one in saved["per_clip"]]
    ranges = saved.get("intervals") or intervals(clips)  # absent in evaluations from before there were any
    rows = {name: {key: INFINITY if value == "inf" else value for key, value in row.items()}
            for name, row in saved["rows"].items()}  # fmt: skip
    ends = {name: {key: (pair[0], pair[1]) for key, pair in row.items()} for name, row in ranges.items()}
    _pool_cross_row(rows, ends, clips)
    return EvaluationFacts(
        folder=folder, clips=clips, failed=saved["failed"], not_measured=saved["not_measured"], rows=rows, ranges=ends,
        decoder=saved.get("decoder") or saved.get("stages") or [], protocol=saved["protocol"],
        videos=saved.get("videos", {}), without_partner=saved.get("without_partner", []),
    )  # fmt: skip


def _pool_cross_row(rows: dict[str, Row], ranges: dict[str, dict[str, Interval]], clips: list[ClipResult]) -> None:
    """Pool the cross row's amplitude, which older evaluations gave as a mean of ratios; it stays where no curves are.

    So one table never holds two statistics under one name.
    """
    if "cross" not in rows or "opening_amplitude_mean" in rows["cross"]:
        return
    pooled = summarise(clips).get("cross", {})
    if "opening_amplitude_mean" in pooled:
        ends = intervals(clips).get("cross", {})
        rows["cross"] |= {key: pooled[key] for key in POOLED_LATER if key in pooled}
        kept = {key: pair for key, pair in ranges.get("cross", {}).items() if key not in POOLED_LATER}
        ranges["cross"] = kept | {key: ends[key] for key in POOLED_LATER if key in ends}
