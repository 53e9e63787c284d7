"""Metrics of a set of clips: each clip leaves a file when it is scored; the rows' values are taken of all files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from talkingface.evaluator.base import ClipPair, Given, Metric, SetMetric
from talkingface.evaluator.clip import ClipResult, finite
from talkingface.evaluator.summary import POOLED_ROWS, Row, groups


def part(out_dir: Path, clip: str, metric: str) -> Path:
    """Where a metric keeps what it needs of a clip: beside the clip's result."""
    return out_dir / "clips" / f"{clip}.{metric}.npz"


def save_parts(pair: ClipPair, metrics: list[Metric], out_dir: Path, clip: str) -> None:
    """Write what each metric of the set needs of one clip."""
    for one in set_metrics(metrics, pair):
        one.save(pair, part(out_dir, clip, one.name))


def add_set_scores(
    rows: Mapping[str, Row], results: list[ClipResult], metrics: list[Metric], given: Given, out_dir: Path
) -> None:
    """Put each metric's value into the model's rows with the clips' own sound; none where a clip's part is gone."""
    for name, clips in groups(results).items():
        for one in set_metrics(metrics, given) if name in POOLED_ROWS else ():
            parts = [part(out_dir, clip.name, one.name) for clip, _ in clips]
            whole = all(file.is_file() for file in parts)
            rows[name][one.name] = finite(one.of_set(parts)) if whole else None


def set_metrics(metrics: list[Metric], given: Given) -> list[SetMetric]:
    """Those of a set that can be taken."""
    return [one for one in metrics if isinstance(one, SetMetric) and one.not_measured(given) is None]
