"""The reference's own mouth must not count: frames near it are left out, in both videos."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from videos import measured, pair, scores, speech_curve

from talkingface.evaluator.metrics.registry import make_metrics
from talkingface.evaluator.protocols.reconstruction import from_frame, measured_from
from talkingface.evaluator.scorer import Scorer


@pytest.mark.parametrize(
    ("frames", "fps", "missing", "first"),
    [(100, 25.0, 0, 13), (100, 50.0, 0, 25), (100, 25.0, 7, 20), (20, 25.0, 0, 10), (1, 25.0, 0, 0)],
)
def test_half_a_second_from_the_reference_on(frames: int, fps: float, missing: int, first: int):
    real = measured(np.zeros(frames), fps=fps)
    boxes = real.boxes.copy()
    boxes[:missing] = np.nan
    assert measured_from(replace(real, boxes=boxes)) == first


def test_a_video_without_a_face_has_nothing_to_leave_out():
    assert measured_from(measured(boxes=np.full((30, 4), np.nan, np.float32))) == 0


def test_what_leaks_near_the_reference_is_not_seen():
    """A model that is right in the first half second, and noise after it, scores as noise."""
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (60, 128, 128, 3), np.uint8)
    noise = rng.integers(0, 256, (60, 128, 128, 3), np.uint8)
    leaking = np.concatenate([crops[:13], noise[13:]])
    opening = speech_curve(60)
    real = measured(opening, crops=crops)
    first, metrics = measured_from(real), make_metrics(("psnr", "ssim", "lmd", "opening_r", "opening_amplitude"))

    def score(made):
        return scores(pair(from_frame(real, first), from_frame(made, first)), metrics)

    honest = replace(real, crops=noise)
    assert score(replace(real, crops=leaking)) == score(honest)
    assert scores(pair(real, replace(real, crops=leaking)), metrics)["psnr"] == float("inf"), "it leaks otherwise"
    itself = pair(from_frame(real, first), from_frame(real, first))
    assert Scorer(metrics=metrics, networks=itself.networks).real_scores(itself)["psnr"] == float("inf")
    assert from_frame(real, first).mel is real.mel and not np.isnan(real.opening).any(), "the original stays"
