"""From clips to rows: the real videos, the model on all, on seen and on new speakers, and with other clips' sound.

How far a row's numbers would move had other clips been taken: percentile bootstrap over clips.
"""

# R resamples, N clips of a row, K values of a clip

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from talkingface.evaluator.results import ClipResult, curve

Row = dict[str, float | None]

MEDIANS = ("opening_lag", "sync_offset", "lse_offset", "lse_offset_unbiased")
"""Whole numbers of frames, wild where a clip has no clear best shift: rows give their median."""
POOLED = {"opening_amplitude": "opening_amplitude", "opening_r_pooled": "opening_r"}
"""Values taken over the frames of all clips, and the metric each belongs to."""
POOLED_ROWS = ("model", "seen", "new")
ROWS = {
    "real": "real videos",
    "model": "model, all clips",
    "seen": "model, speakers seen in training",
    "new": "model, new speakers",
    "cross": "model, another clip's sound",
    "silence": "model, silence",
}
"""Rows of the report and their titles."""


def groups(results: list[ClipResult]) -> dict[str, list[tuple[ClipResult, Row]]]:
    """Return each row's clips with the scores that it takes of them; rows without clips are absent."""
    good = [one for one in results if one.failed is None]
    found = {
        "real": [(one, one.real) for one in good],
        "model": [(one, one.model) for one in good],
        "seen": [(one, one.model) for one in good if one.speaker_seen is True],
        "new": [(one, one.model) for one in good if one.speaker_seen is False],
        "cross": [(one, one.cross) for one in good if one.cross],
        "silence": [(one, one.silence) for one in good if one.silence],
    }
    return {name: clips for name, clips in found.items() if clips}


def summarise(results: list[ClipResult]) -> dict[str, Row]:
    """Return mean values for each row that has clips, with `clips`, the number of clips in it.

    Means, and medians for lags and offsets, are over clips: each counts once, those without a value are left out.
    `opening_r` is the mean of the clips' r; `opening_r_pooled` is r over all frames after each clip's mean is taken
    off. `opening_amplitude` is the pooled ratio: root of the summed variance of all frames about their clip's mean,
    generated over real;
    `opening_amplitude_mean` is the mean of the clips' ratios.
    """
    return {name: _row(name, clips) for name, clips in groups(results).items()}


def intervals(results: list[ClipResult]) -> dict[str, dict[str, Interval]]:
    """Return the 95% bootstrap interval of the values of `summarise`, by row and key, where there is one.

    Clips are drawn, not frames: those of one clip are alike. Pooled values are pooled again for each resample. The
    speakers stay as they are, so an interval says nothing about other speakers.
    """
    return {name: _intervals(name, clips) for name, clips in groups(results).items()}


def _row(name: str, clips: list[tuple[ClipResult, Row]]) -> Row:
    columns = _columns(clips)
    row: Row = {"clips": float(len(clips))}
    for key, column in columns.items():
        known = column[~np.isnan(column)]
        row[key] = float((np.median if key in MEDIANS else np.mean)(known)) if len(known) else None
    for key, value in _pooled_values(_powers(clips)[None]).items() if name in POOLED_ROWS else ():
        if np.isnan(value[0]) or POOLED[key] not in columns:
            continue
        if key == "opening_amplitude":
            row["opening_amplitude_mean"] = row["opening_amplitude"]
        row[key] = float(value[0])
    return row


def _intervals(name: str, clips: list[tuple[ClipResult, Row]]) -> dict[str, Interval]:
    columns = _columns(clips)
    found = {key: interval(column, median if key in MEDIANS else mean) for key, column in columns.items()}
    if name in POOLED_ROWS:
        found |= {"opening_amplitude_mean": found.get("opening_amplitude")}
        powers = _powers(clips)
        for key in POOLED:
            found[key] = interval(powers, partial(_pooled_value, key=key))
    return {key: ends for key, ends in found.items() if ends is not None}


def _columns(clips: list[tuple[ClipResult, Row]]) -> dict[str, np.ndarray]:
    """Each value of the row's clips, float64 (N,), NaN where a clip has none."""
    keys = dict.fromkeys(key for _, scores in clips for key in scores)
    return {key: curve([scores.get(key) for _, scores in clips]) for key in keys}


def _powers(clips: list[tuple[ClipResult, Row]]) -> np.ndarray:
    """Sums over each clip's frames about its mean, float64 (N, 3): generated squared, real squared, their product."""
    found = []
    for one, _ in clips:
        made, real = curve(one.opening_model), curve(one.opening_real)
        count = min(len(made), len(real))
        both = np.isfinite(made[:count]) & np.isfinite(real[:count])
        if both.any():
            a, b = made[:count][both], real[:count][both]
            a, b = a - a.mean(), b - b.mean()
            found.append((a @ a, b @ b, a @ b))
    return np.array(found, dtype=np.float64).reshape(-1, 3)


def _pooled_values(powers: np.ndarray) -> dict[str, np.ndarray]:
    """(R, N, 3) sums of drawn clips to (R,) values, NaN where nothing moves."""
    made, real, product = np.moveaxis(powers.sum(axis=1), -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(real > 0, np.sqrt(made / real), np.nan)
        r = np.where((real > 0) & (made > 0), product / np.sqrt(made * real), np.nan)
    return {"opening_amplitude": ratio, "opening_r_pooled": r}


def _pooled_value(powers: np.ndarray, *, key: str) -> np.ndarray:
    return _pooled_values(powers)[key]


LEVEL = 0.95
RESAMPLES = 2000
FEWEST = 3
"""Clips below which there is no interval: two clips can only be drawn in four ways."""
Interval = tuple[float, float]


def interval(values: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], *, seed: int = 0) -> Interval | None:
    """Return the 95% percentile interval of a statistic of clips (Efron and Tibshirani 1993, chapter 13).

    Args:
        values: float64 (N,) or (N, K), a line a clip; clips with a NaN are left out.
        statistic: (R, N) or (R, N, K) to (R,), taken over axis 1.
        seed: of the resamples; the same clips give the same interval.

    Returns:
        Low and high end; None for fewer than three clips, or where a value is infinite.
    """
    kept = values[~np.isnan(values).any(axis=tuple(range(1, values.ndim)))]
    if len(kept) < FEWEST or not np.isfinite(kept).all():
        return None
    drawn = np.random.default_rng(seed).integers(len(kept), size=(RESAMPLES, len(kept)))
    found = statistic(kept[drawn])
    found = found[np.isfinite(found)]
    if len(found) < RESAMPLES / 2:  # the statistic has no value for most resamples
        return None
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(found, (tail, 1 - tail))
    return float(low), float(high)


def mean(drawn: np.ndarray) -> np.ndarray:
    """(R, N) to (R,)."""
    return np.asarray(drawn.mean(axis=1))


def median(drawn: np.ndarray) -> np.ndarray:
    """(R, N) to (R,)."""
    return np.asarray(np.median(drawn, axis=1))
