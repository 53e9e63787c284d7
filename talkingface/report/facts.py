"""All that is known of a run and its evaluation, read from their files; what is not there is empty."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from talkingface.config.plain import read_config
from talkingface.evaluator.results import INFINITY, ClipResult
from talkingface.evaluator.summary import Interval, Row, intervals
from talkingface.trainer.run_folder import RunFolder
from talkingface.utils.errors import UserError
from talkingface.utils.files import read_json

EVALUATION = "evaluation"
"""Folder of a run's own evaluation: its best weights on the data that it was trained on."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What an evaluation wrote."""

    folder: Path
    rows: dict[str, Row]
    ranges: dict[str, dict[str, Interval]]
    clips: list[ClipResult]
    failed: list[dict[str, str]]
    not_measured: dict[str, str]
    stages: list[list[str]]
    """Table of a model of two stages, heading first; empty for others."""
    protocol: dict[str, Any]
    videos: dict[str, list[str]]
    """Paths of each clip's real and generated video, as far as they were noted."""
    without_partner: list[str]
    """Videos of two folders that do not belong together."""

    @property
    def good(self) -> list[ClipResult]:
        """Clips that were measured."""
        return [one for one in self.clips if one.failed is None]

    def real(self, clip: ClipResult) -> Path | None:
        """The clip's real video, if its place was noted; it may be gone."""
        noted = self.videos.get(clip.name)
        return Path(noted[0]) if noted else None

    def made(self, clip: ClipResult) -> Path:
        """The generated video with the clip's own sound."""
        noted, usual = self.videos.get(clip.name), self.folder / "videos" / f"{clip.name}.mp4"
        return usual if usual.is_file() or not noted else Path(noted[1])

    def cross(self, clip: ClipResult) -> Path | None:
        """The generated video with another clip's sound, if there is one."""
        if clip.sound_from is None:
            return None
        return self.folder / "videos" / f"{clip.name}__{clip.sound_from.replace('/', '-')}.mp4"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One run, or one evaluation that belongs to none."""

    name: str
    run: Path | None = None
    model: str = ""
    dataset: str = ""
    profile: str = ""
    created: str = ""
    """ISO 8601."""
    finished: bool = False
    steps: int | None = None
    best_score: float | None = None
    config: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    """metrics.jsonl."""
    measured: Measured | None = None
    expert: dict[str, Any] = field(default_factory=dict)
    """expert.json of a model that judges sync."""

    @property
    def when(self) -> str:
        """`21 November 2026, 07:06`, empty if it is not known."""
        if not self.created:
            return ""
        moment = datetime.fromisoformat(self.created)
        return f"{moment.day} {moment:%B %Y, %H:%M}"

    @property
    def seconds(self) -> float:
        """Time spent in training steps, without validation and samples, from the speeds in metrics.jsonl."""
        total, before = 0.0, 0
        for line in self.lines:
            if speed := line.get("steps_per_second"):
                total += max(0, line["step"] - before) / speed
                before = line["step"]
        return total


def read_facts(run: Path | None, evaluation: Path | None = None) -> Facts:
    """Read a run's folder, an evaluation's, or both.

    Args:
        run: `saved/<run>`; None for an evaluation of videos or weights that belong to no run.
        evaluation: folder with metrics.json or expert.json; by default the run's own, if it has one.

    Raises:
        UserError: a file is damaged.
    """
    if evaluation is None and run is not None:
        evaluation = run / EVALUATION
    measured = None if evaluation is None else _measured(evaluation)
    about = {} if measured is None else measured.protocol
    expert = _json(evaluation / "expert.json") if evaluation is not None else {}
    folder = run or evaluation
    assert folder is not None
    named: dict[str, Any] = {"model": str(about.get("model", "")), "dataset": str(about.get("dataset", ""))}
    if run is None:
        return Facts(name=folder.name, measured=measured, expert=expert, **named)
    files = RunFolder(run)
    status = files.status()
    return Facts(
        name=run.name, run=run, model=str(status.get("model", named["model"])),
        dataset=named["dataset"] or str(status.get("dataset", "")), profile=str(status.get("profile") or ""),
        created=str(status.get("created", "")), finished=bool(status.get("finished")), steps=status.get("steps"),
        best_score=status.get("best_score"), config=_config(files.config_file),
        environment=_json(files.environment_file), lines=files.read_metrics(), measured=measured, expert=expert,
    )  # fmt: skip


def _measured(folder: Path) -> Measured | None:
    path = folder / "metrics.json"
    saved = _json(path)
    try:
        return _from_plain(folder, saved) if saved else None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: cannot be understood ({error!r}); was it made by another version?") from error


def _from_plain(folder: Path, saved: dict[str, Any]) -> Measured:
    clips = [ClipResult.from_plain(one) for one in saved["per_clip"]]
    ranges = saved.get("intervals") or intervals(clips)  # absent in evaluations from before there were any
    return Measured(
        folder=folder, clips=clips, failed=saved["failed"], not_measured=saved["not_measured"],
        rows={name: {key: INFINITY if value == "inf" else value for key, value in row.items()}
              for name, row in saved["rows"].items()},
        ranges={name: {key: (ends[0], ends[1]) for key, ends in row.items()} for name, row in ranges.items()},
        stages=saved.get("stages") or [], protocol=saved["protocol"], videos=saved.get("videos", {}),
        without_partner=saved.get("without_partner", []),
    )  # fmt: skip


def _json(path: Path) -> dict[str, Any]:
    return dict(read_json(path)) if path.is_file() else {}


def _config(path: Path) -> dict[str, Any]:
    """Plain data: runs of models that are not installed here can be shown too."""
    return read_config(path) if path.is_file() else {}
