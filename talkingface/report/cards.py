"""What a page shows of each clip: the videos side by side, the mouth's opening, its own figures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from talkingface.evaluator.clip_result import ClipResult
from talkingface.evaluator.evaluation import relative_path
from talkingface.evaluator.metrics.base import Metric
from talkingface.evaluator.metrics.registry import make_metrics
from talkingface.evaluator.tables import Lines, cell, heading
from talkingface.report.charts import opening_chart
from talkingface.report.evaluation_facts import EvaluationFacts
from talkingface.report.page import EmbeddedVideo, embed_video
from talkingface.report.svg_chart import Chart
from talkingface.utils.errors import UserError

MOST = 12
"""Clips with their videos in a page."""
MOST_BYTES = 40_000_000
"""Bytes of all videos in a page; clips after that are named only."""
RANKED_BY = ("opening_r", "sync_confidence")
"""Metric that clips are ordered by: the first that was measured, else the first of the registry that was."""
SPEAKERS = {True: "speaker seen in training", False: "new speaker", None: ""}


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One video of a card."""

    title: str
    role: str
    """`real`, `made` or `cross`."""
    path: Path
    video: EmbeddedVideo | None
    problem: str = ""
    """Why there is no video."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """One clip."""

    name: str
    rank: str
    """`best`, `worst`, `2 of 6`."""
    speaker: str
    shots: list[Shot]
    charts: list[Chart]
    figures: list[tuple[str, str]]
    """Headings and values of its metrics."""
    note: str = ""

    @property
    def has_cross(self) -> bool:
        """Whether there is a video with another clip's sound to play."""
        return any(one.role == "cross" and one.video for one in self.shots)


def ranked(evaluation: EvaluationFacts) -> tuple[list[ClipResult], Metric | None]:
    """Return the clips from best to worst, and the metric that says so; None if nothing does."""
    metrics = {one.name: one for one in make_metrics()}
    order = [*RANKED_BY, *(name for name in metrics if name not in RANKED_BY)]
    by = next((metrics[key] for key in order for one in evaluation.good if one.model.get(key) is not None), None)
    if by is None:
        return evaluation.good, None
    return sorted(evaluation.good, key=lambda one: _badness(one.model.get(by.name), one.real.get(by.name), by)), by


def best_and_worst(clips: list[ClipResult]) -> list[ClipResult]:
    """Return clips that come from best to worst as best, worst, second best, second worst, and so on."""
    count = len(clips)
    return [clips[k // 2] if k % 2 == 0 else clips[count - 1 - k // 2] for k in range(count)]


def cards(evaluation: EvaluationFacts) -> tuple[list[Card], list[ClipResult]]:
    """Return the clips to show, best and worst first, and those that are left out for the page's size."""
    order, by = ranked(evaluation)
    places = {one.name: _rank(number, len(order)) for number, one in enumerate(order, 1)}
    shown: list[Card] = []
    waiting, size = best_and_worst(order), 0
    while waiting and len(shown) < MOST and size < MOST_BYTES:
        clip = waiting.pop(0)
        shots = _shots(evaluation, clip)
        size += sum(one.video.size for one in shots if one.video)
        shown.append(_card(clip, shots, _charts(evaluation, clip), rank=places[clip.name] if by else ""))
    return shown, waiting


def shot(title: str, role: str, path: Path | None) -> Shot | None:
    """Return a video for a page; one that cannot be read says why, one that has no place is none."""
    if path is None:
        return None
    try:
        return Shot(title=title, role=role, path=path, video=embed_video(path))
    except UserError as error:
        return Shot(title=title, role=role, path=path, video=None, problem=str(error))


def clip_table(evaluation: EvaluationFacts, folder: Path) -> Lines:
    """Return a line a clip, best and worst first, with links to its videos as seen from `folder`."""
    order, by = ranked(evaluation)
    plots = {one.stem.partition("_")[2]: one for one in (evaluation.folder / "plots").glob("*.png")}
    lines = [["clip", by.title if by else "", "real", "generated", "another clip's sound", "opening curve", "note"]]
    for clip in best_and_worst(order):
        score = clip.model.get(by.name) if by else None
        paths = [evaluation.real(clip), evaluation.made(clip), evaluation.cross(clip)]
        paths.append(plots.get(clip.name.replace("/", "-")))
        links = ["–" if one is None else f"[{one.name}](<{relative_path(one, folder)}>)" for one in paths]
        lines.append([clip.name, "–" if score is None or by is None else f"{score:.{by.digits}f}", *links, _note(clip)])
    return lines


def _shots(evaluation: EvaluationFacts, clip: ClipResult) -> list[Shot]:
    found = [
        shot("real", "real", evaluation.real(clip)),
        shot("generated, own sound", "made", evaluation.made(clip)),
        shot(f"generated, sound of {clip.sound_from}", "cross", evaluation.cross(clip)),
    ]
    return [one for one in found if one is not None]


def _charts(evaluation: EvaluationFacts, clip: ClipResult) -> list[Chart]:
    """The opening with the clip's own sound, and with the other clip's against that clip's real mouth."""
    found = [opening_chart(clip, {"generated": clip.opening_model}, evaluation.made(clip))]
    other = next((one for one in evaluation.good if one.name == clip.sound_from), None)
    cross = evaluation.cross(clip)
    if other is not None and cross is not None and clip.opening_cross and other.fps == clip.fps:
        box = opening_chart(other, {"generated": clip.opening_cross}, cross)
        found.append(box and replace(box, title=f"with the sound of {other.name}, whose real mouth is drawn"))
    return [one for one in found if one is not None]


def _card(clip: ClipResult, shots: list[Shot], charts: list[Chart], *, rank: str) -> Card:
    figures = [
        (heading(one), cell(value, one.digits))
        for one in make_metrics()
        if (value := clip.model.get(one.name)) is not None
    ]
    return Card(
        name=clip.name, rank=rank, speaker=SPEAKERS[clip.speaker_seen],
        shots=shots, charts=charts, figures=figures, note=_note(clip),
    )  # fmt: skip


def _note(clip: ClipResult) -> str:
    notes = [clip.note] if clip.note else []
    notes += [f"{clip.faces_missing} of {clip.frames} frames without a face"] if clip.faces_missing else []
    notes += [f"no video with another clip's sound: {clip.cross_failed}"] if clip.cross_failed else []
    return "; ".join(notes)


def _rank(place: int, count: int) -> str:
    if count == 1:
        return ""
    return {1: "best", count: "worst"}.get(place, f"{place} of {count}")


def _badness(value: float | None, real: float | None, metric: Metric) -> float:
    if value is None:
        return float("inf")
    if metric.best == "real":
        return float("inf") if real is None else abs(value - real)
    return {"higher": -value, "lower": value, "one": abs(value - 1), "zero": abs(value)}[metric.best]
