"""From clips to rows: the real videos, the model on all, on seen and on new speakers, and with other clips' sound."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from talkingface.evaluator.clip import ClipResult, curve

Row = dict[str, float | None]

MEDIANS = ("opening_lag", "sync_offset", "lse_offset", "lse_offset_unbiased")
"""Whole numbers of frames, wild where a clip has no clear best shift: rows give their median."""
ROWS = {
    "real": "real videos",
    "model": "model, all clips",
    "seen": "model, speakers seen in training",
    "new": "model, new speakers",
    "cross": "model, another clip's sound",
}
"""Rows of the report and their titles."""


def summarise(results: list[ClipResult]) -> dict[str, Row]:
    """Return mean values for each row that has clips, with `clips`, the number of clips in it.

    Means, and medians for lags and offsets, are over clips: each counts once, those without a value are left out.
    `opening_r` is the mean of the clips' r; `opening_r_pooled` is r over all frames after each clip's mean is taken
    off. `opening_amplitude` is the pooled ratio: root of the summed variance of all frames about their clip's mean,
    generated over real;
    `opening_amplitude_mean` is the mean of the clips' ratios.
    """
    good = [one for one in results if one.failed is None]
    rows = {"real": _means(one.real for one in good), "model": _model_row(good)}
    rows["seen"] = _model_row([one for one in good if one.speaker_seen])
    rows["new"] = _model_row([one for one in good if not one.speaker_seen])
    crossed = [one for one in good if one.cross]
    rows["cross"] = _means(one.cross for one in crossed)
    return {name: row for name, row in rows.items() if row.get("clips")}


def _means(scores: Iterable[Row]) -> Row:
    scores = list(scores)
    out: Row = {"clips": float(len(scores))}
    for key in dict.fromkeys(key for one in scores for key in one):
        values = [value for one in scores if (value := one.get(key)) is not None]
        out[key] = float((np.median if key in MEDIANS else np.mean)(values)) if values else None
    return out


def _model_row(results: list[ClipResult]) -> Row:
    row = _means(one.model for one in results)
    if not any(one.opening_model for one in results):
        return row
    made, real = _pooled([(curve(one.opening_model), curve(one.opening_real)) for one in results])
    power_made, power_real = float(made @ made), float(real @ real)
    if power_real > 0 and "opening_amplitude" in row:
        row["opening_amplitude_mean"] = row["opening_amplitude"]
        row["opening_amplitude"] = float(np.sqrt(power_made / power_real))
    if power_real > 0 and power_made > 0 and "opening_r" in row:
        row["opening_r_pooled"] = float(made @ real) / float(np.sqrt(power_made * power_real))
    return row


def _pooled(curves: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Join curves, each with its mean taken off, over the frames in which both are numbers."""
    made, real = [np.zeros(0)], [np.zeros(0)]
    for a, b in curves:
        count = min(len(a), len(b))
        both = np.isfinite(a[:count]) & np.isfinite(b[:count])
        if both.any():
            made.append(a[:count][both] - a[:count][both].mean())
            real.append(b[:count][both] - b[:count][both].mean())
    return np.concatenate(made), np.concatenate(real)
