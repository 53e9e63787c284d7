"""From clips to rows: mean values of each protocol's rows, and how far they would move had other clips been taken.

The intervals are a percentile bootstrap over clips.
"""

# R resamples, N clips of a row, K values of a clip

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from talkingface.evaluator.clip_result import ClipResult, RowClip, Scores, from_curve
from talkingface.evaluator.protocols.dubbing import DubbingProtocol
from talkingface.evaluator.protocols.other_sound import OtherSound
from talkingface.evaluator.protocols.reconstruction import Reconstruction
from talkingface.evaluator.protocols.silence import Silence

Row = Scores
Interval = tuple[float, float]
PROTOCOLS: tuple[type[DubbingProtocol], ...] = (Reconstruction, OtherSound, Silence)
"""In the order of the report's rows."""
ROWS = {row: title for protocol in PROTOCOLS for row, title in protocol.rows.items()}
"""Rows of the report and their titles."""
MEDIANS = ("opening_lag", "sync_offset", "lse_offset", "lse_offset_unbiased")
"""Whole numbers of frames, wild where a clip has no clear best shift: rows give their median."""
POOLED = {"opening_amplitude": "opening_amplitude", "opening_r_pooled": "opening_r"}
"""Values taken over the frames of all clips, and the metric each belongs to."""
MEANS_TEXT = (
    "over clips, each once; medians for opening_lag and sync_offset; opening_amplitude is pooled over frames about "
    "their clip's mean; opening_r_pooled and opening_amplitude_mean give the other way for both"
)
"""How `summarise` takes its values, for metrics.json."""
LEVEL = 0.95
RESAMPLES = 2000
FEWEST = 3
"""Clips below which there is no interval: two clips can only be drawn in four ways."""


def row_clips(results: Sequence[ClipResult]) -> dict[str, list[RowClip]]:
    """Return what each clip that did not fail gives to each row; rows without clips are absent."""
    good = [one for one in results if one.failed is None]
    found = {row: clips for protocol in PROTOCOLS for row, clips in protocol.row_clips(good).items()}
    return {row: found[row] for row in ROWS if found[row]}


def summarise(results: Sequence[ClipResult]) -> dict[str, Row]:
    """Return mean values for each row that has clips, with `clips`, the number of clips in it.

    Means, and medians for lags and offsets, are over clips: each counts once, those without a value are left out.
    In rows whose openings are compared, `opening_r` is the mean of the clips' r; `opening_r_pooled` is r over all
    frames after each clip's mean is taken off. `opening_amplitude` is the pooled ratio: root of the summed variance of
    all frames about their clip's mean, dubbed over wanted; `opening_amplitude_mean` is the mean of the clips' ratios.
    """
    return {name: _row(clips) for name, clips in row_clips(results).items()}


def intervals(results: Sequence[ClipResult]) -> dict[str, dict[str, Interval]]:
    """Return the 95% bootstrap interval of the values of `summarise`, by row and key, where there is one.

    Clips are drawn, not frames: those of one clip are alike. Pooled values are pooled again for each resample. The
    speakers stay as they are, so an interval says nothing about other speakers.
    """
    return {name: _intervals(clips) for name, clips in row_clips(results).items()}


def _row(clips: list[RowClip]) -> Row:
    columns = _columns(clips)
    row: Row = {"clips": float(len(clips))}
    for key, column in columns.items():
        known = column[~np.isnan(column)]
        row[key] = float((np.median if key in MEDIANS else np.mean)(known)) if len(known) else None
    for key, value in _pooled_values(_powers(clips)[None]).items():
        if np.isnan(value[0]) or POOLED[key] not in columns:
            continue
        if key == "opening_amplitude":
            row["opening_amplitude_mean"] = row["opening_amplitude"]
        row[key] = float(value[0])
    return row


def _intervals(clips: list[RowClip]) -> dict[str, Interval]:
    columns, powers = _columns(clips), _powers(clips)
    found = {key: interval(column, median if key in MEDIANS else mean) for key, column in columns.items()}
    if len(powers):
        found["opening_amplitude_mean"] = found.get("opening_amplitude")
        for key in POOLED:
            found[key] = interval(powers, partial(_pooled_value, key=key))
    return {key: ends for key, ends in found.items() if ends is not None}


def _columns(clips: list[RowClip]) -> dict[str, np.ndarray]:
    """Each value of the row's clips, float64 (N,), NaN where a clip has none."""
    keys = dict.fromkeys(key for one in clips for key in one.scores)
    return {key: from_curve([one.scores.get(key) for one in clips]) for key in keys}


def _powers(clips: list[RowClip]) -> np.ndarray:
    """Sums over each clip's frames about its mean, float64 (N, 3): dubbed squared, wanted squared, their product."""
    found = []
    for made, wanted in (one.openings for one in clips if one.openings is not None):
        both = np.isfinite(made) & np.isfinite(wanted)
        if both.any():
            a, b = made[both], wanted[both]
            a, b = a - a.mean(), b - b.mean()
            found.append((a @ a, b @ b, a @ b))
    return np.array(found, dtype=np.float64).reshape(-1, 3)


def _pooled_values(powers: np.ndarray) -> dict[str, np.ndarray]:
    """(R, N, 3) sums of drawn clips to (R,) values, NaN where nothing moves."""
    made, wanted, product = np.moveaxis(powers.sum(axis=1), -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(wanted > 0, np.sqrt(made / wanted), np.nan)
        r = np.where((wanted > 0) & (made > 0), product / np.sqrt(made * wanted), np.nan)
    return {"opening_amplitude": ratio, "opening_r_pooled": r}


def _pooled_value(powers: np.ndarray, *, key: str) -> np.ndarray:
    return _pooled_values(powers)[key]


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
