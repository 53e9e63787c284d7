"""Two configurations over the same clips: is the difference more than clips differ anyway?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from talkingface.evaluator.metrics.base import Metric
from talkingface.report.evaluation_facts import EvaluationFacts

FEWEST = 6
"""Pairs from which on the test can find anything at 0.05: with five the smallest p is 2/2^5 = 0.06."""
TEST = (
    "difference: mean over the clips, of each clip's mean over the seeds; where a value is pooled over the frames of "
    "all clips, as the amplitude is, it is not exactly the difference of the columns before it. p: two-sided Wilcoxon "
    "signed-rank test with clips as pairs; none under {fewest} clips that differ. Holm: the same for all metrics of "
    "the table together. A small p says that on other clips of these speakers the difference would be found again "
    "with these trained weights. It does not say what other seeds would do: hold the difference against the deviation "
    "over the seeds for that."
)


@dataclass(frozen=True, kw_only=True)
class Paired:
    """One metric of two configurations."""

    pairs: int
    """Clips that both have a value for."""
    difference: float
    """Mean over the clips, the second's value minus the first's."""
    p: float | None
    """Of the Wilcoxon signed-rank test; None where too few clips differ."""


def paired(first: Sequence[EvaluationFacts], second: Sequence[EvaluationFacts], metric: Metric) -> Paired | None:
    """Hold a metric of two configurations against each other; None where they share no clip that has it.

    Args:
        first: evaluations of the first configuration, one a seed.
        second: likewise of the second.
        metric: what is compared.
    """
    a, b = _clip_means(first, metric.name), _clip_means(second, metric.name)
    shared = [name for name in a if name in b]
    if not shared:
        return None
    differences = np.array([b[name] - a[name] for name in shared])
    return Paired(pairs=len(shared), difference=float(differences.mean()), p=wilcoxon(differences))


def _clip_means(evaluations: Sequence[EvaluationFacts], key: str) -> dict[str, float]:
    """Each clip's mean over the evaluations, of clips that all of them have a finite value for."""
    found: dict[str, list[float]] = {}
    for one in evaluations:
        for clip in one.good:
            value = clip.model.get(key)
            if value is not None and np.isfinite(value):
                found.setdefault(clip.name, []).append(value)
    return {name: float(np.mean(values)) for name, values in found.items() if len(values) == len(evaluations)}


def wilcoxon(differences: np.ndarray) -> float | None:
    """Two-sided p of float64 (N,) differences (Wilcoxon 1945), those that are 0 left out; None under `FEWEST`."""
    from scipy import stats

    kept = differences[differences != 0]
    return None if len(kept) < FEWEST else float(stats.wilcoxon(kept).pvalue)


def holm(values: Sequence[float | None]) -> list[float | None]:
    """p values of several tests corrected for their number (Holm 1979), in their order; None stays."""
    order = sorted((p, place) for place, p in enumerate(values) if p is not None)
    corrected: list[float | None] = [None] * len(values)
    highest = 0.0
    for rank, (p, place) in enumerate(order):
        highest = max(highest, min(1.0, p * (len(order) - rank)))
        corrected[place] = highest
    return corrected
