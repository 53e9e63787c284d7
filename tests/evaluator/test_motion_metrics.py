"""Jitter, leakage and identity, by hand-worked numbers."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from videos import measured, pair, scores, speech_curve

from talkingface.evaluator.metrics import identity
from talkingface.evaluator.metrics.identity import CSIM, SFACE, TEMPLATE, aligned, cosine, load_sface
from talkingface.evaluator.metrics.landmarks import Jitter, JitterRatio, jitter
from talkingface.evaluator.metrics.networks import MetricNetworks
from talkingface.evaluator.metrics.opening import Leakage, spread_ratio
from talkingface.evaluator.scorer import Scorer
from talkingface.utils.errors import MissingWeightsError


def swinging(size: float, count: int = 9) -> np.ndarray:
    """Landmarks that jump `size` pixels to and fro, so that each second difference is twice that."""
    plain = measured(np.zeros(count)).landmarks
    return plain + np.float32([size, 0]) * (np.arange(count) % 2)[:, None, None].astype(np.float32)


def test_jitter():
    assert jitter(swinging(1.0)) == pytest.approx(100 * 2 / 40)
    steady = measured(np.zeros(9)).landmarks + np.arange(9, dtype=np.float32)[:, None, None] * 3
    assert jitter(steady) == pytest.approx(0), "even motion does not tremble"
    gap = swinging(1.0)
    gap[4] = np.nan
    assert jitter(gap) == pytest.approx(5)
    assert np.isnan(jitter(gap[:2]))
    both = pair(measured(landmarks=swinging(0.5)), measured(landmarks=swinging(1.5)))
    assert Jitter().calculate_metric(both) == pytest.approx(7.5)
    assert JitterRatio().calculate_metric(both) == pytest.approx(3)


def test_noise_raises_jitter_step_by_step():
    rng = np.random.default_rng(1)
    real = measured(landmarks=swinging(0.2, 40))
    noise = rng.standard_normal(real.landmarks.shape).astype(np.float32)
    scores = [
        JitterRatio().calculate_metric(pair(real, measured(landmarks=real.landmarks + k * noise))) for k in (0, 0.3, 1)
    ]
    assert scores[0] == 1 and (np.diff(scores) > 0).all()


def test_leakage():
    source = speech_curve(80)
    assert spread_ratio(np.full(80, 0.1), source) == pytest.approx(0, abs=1e-12)
    assert spread_ratio(0.25 * source, source) == pytest.approx(0.25)
    assert np.isnan(spread_ratio(source, np.full(80, 0.1)))
    longer = pair(measured(source), measured(np.concatenate([source, np.full(9, 5.0)])))
    assert Leakage().calculate_metric(longer) == pytest.approx(1), "common frames only"
    both = pair(measured(source), measured(0.5 * source))
    assert Leakage().calculate_metric(both) == pytest.approx(0.5)
    assert scores(both, [Leakage()]) == {}, "not on dubbing with sound"
    assert Scorer(metrics=[Leakage()], networks=both.networks).real_scores(both) == {}


def test_alignment_puts_the_five_points_on_the_template():
    """Crops of 64 x 96 frame pixels; a dot at each of the five points of a turned face."""
    turn = 0.5 * np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    places = TEMPLATE @ turn.T + [150, 90]
    box = np.float32([125, 75, 125 + 80, 75 + 100])
    points = np.zeros((1, 468, 2), np.float32)
    for index, place in zip(((33, 133), (362, 263), (1,), (61,), (291,)), places, strict=True):
        points[0, list(index)] = place
    crop = np.zeros((1, 128, 128, 3), np.uint8)
    for x, y in (places - box[:2]) / (box[2:] - box[:2]) * 128:
        cv2.circle(crop[0], (round(x * 16), round(y * 16)), 32, (255, 255, 255), -1, shift=4)
    got = aligned(measured(crops=crop, landmarks=points, boxes=box[None]), 0)
    assert got.shape == (112, 112, 3)
    for x, y in TEMPLATE:
        near = got[round(y) - 3 : round(y) + 4, round(x) - 3 : round(x) + 4]
        assert near.max() > 200 and got[round(y), round(x)].min() > 150


def test_identity_by_any_recogniser(monkeypatch, tmp_path):
    class Colours:
        def feature(self, face):
            return face.reshape(-1, 3).mean(axis=0)[None]

    monkeypatch.setattr(identity, "load_sface", lambda path: Colours())
    (tmp_path / SFACE.name).write_bytes(b"")
    points = measured(np.zeros(6)).landmarks
    for index, place in zip((33, 133, 362, 263, 1, 61, 291), TEMPLATE[[0, 0, 1, 1, 2, 3, 4]] + 20, strict=True):
        points[:, index] = place
    red = np.tile(np.uint8([0, 0, 200]), (6, 128, 128, 1))
    both = red + np.uint8([0, 200, 0])
    both = pair(measured(crops=red, landmarks=points), measured(crops=both, landmarks=points))
    both.networks = MetricNetworks(checkpoints_dir=str(tmp_path))
    assert CSIM().not_measured(both.networks) is None
    assert CSIM().calculate_metric(both) == pytest.approx(np.sqrt(0.5))
    assert cosine(np.array([1.0, 0]), np.array([-2.0, 0])) == -1


def test_no_recogniser_is_said(tmp_path):
    both = pair(measured(np.zeros(3)), measured(np.zeros(3)))
    both.networks = MetricNetworks(checkpoints_dir=str(tmp_path))
    assert SFACE.name in CSIM().not_measured(both.networks) and str(tmp_path) in CSIM().not_measured(both.networks)
    (tmp_path / SFACE.name).write_bytes(b"not a network")
    with pytest.raises(MissingWeightsError, match=SFACE.name):
        load_sface(tmp_path / SFACE.name)
