"""Landmark distance and the opening curve, by hand-worked numbers."""

from __future__ import annotations

import numpy as np
import pytest
from videos import measured, pair, speech_curve

from talkingface.evaluator.metrics.landmarks import LMD, LMDNormalised
from talkingface.evaluator.metrics.opening import (
    OpeningAmplitude,
    OpeningCorrelation,
    OpeningLag,
    best_lag,
    pearson,
    resample,
)


def test_landmark_distance_of_a_shift():
    """Shifted by (3, 4) pixels, 5 in all; box of 128 px at crops of 128 px; eyes 40 px apart."""
    real = measured(np.zeros(6))
    moved = measured(landmarks=real.landmarks + np.float32([3, 4]))
    both = pair(real, moved)
    assert LMD().calculate_metric(both) == pytest.approx(5)
    assert LMDNormalised().calculate_metric(both) == pytest.approx(12.5)
    small = np.tile(np.float32([0, 0, 64, 64]), (6, 1))
    assert LMD().calculate_metric(pair(measured(boxes=small), moved)) == pytest.approx(10), (
        "half the box, twice the crop"
    )
    assert LMD().calculate_metric(pair(real, real)) == 0


def test_missing_landmarks_do_not_count():
    real = measured(np.zeros(6))
    points = real.landmarks + np.float32([3, 4])
    points[2] = np.nan
    assert LMD().calculate_metric(pair(real, measured(landmarks=points))) == pytest.approx(5)


@pytest.mark.parametrize("lag", [-6, 0, 1, 9])
def test_a_shifted_curve_gives_its_lag(lag):
    curve = speech_curve(140)
    real, late = curve[20:120], curve[20 - lag : 120 - lag]
    assert OpeningLag().calculate_metric(pair(measured(real), measured(late))) == lag
    assert best_lag(late, real) == lag


def test_correlation_and_amplitude():
    real = speech_curve(100)
    both = pair(measured(real), measured(0.02 + 0.4 * real))
    assert OpeningCorrelation().calculate_metric(both) == pytest.approx(1)
    assert OpeningAmplitude().calculate_metric(both) == pytest.approx(0.4)
    other = pair(measured(real), measured(speech_curve(100, seed=9)))
    assert abs(OpeningCorrelation().calculate_metric(other)) < 0.4
    still = pair(measured(real), measured(np.full(100, 0.1)))
    assert np.isnan(OpeningCorrelation().calculate_metric(still))
    assert OpeningAmplitude().calculate_metric(still) == pytest.approx(0)


def test_pearson_is_numpys_and_skips_missing_frames():
    a, b = speech_curve(60), speech_curve(60, seed=1)
    assert pearson(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1])
    a[10:20] = np.nan
    keep = np.isfinite(a)
    assert pearson(a, b) == pytest.approx(np.corrcoef(a[keep], b[keep])[0, 1])
    assert np.isnan(pearson(a[:7], b[:7]))


def test_resampling_to_another_rate():
    got = resample(np.array([0.0, 1.0, 2.0, np.nan, 4.0]), 25, np.array([0, 0.02, 0.08, 0.1, 0.16, 0.2]))
    assert got == pytest.approx([0, 0.5, 2, np.nan, 4, np.nan], nan_ok=True)
