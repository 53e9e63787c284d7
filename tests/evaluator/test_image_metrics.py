"""PSNR and SSIM against scikit-image, and in the right direction."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from videos import measured, pair

from talkingface.evaluator.metrics.image import PSNR, SSIM, PSNRMouth, Sharpness, psnr, ssim


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(5)
    base = cv2.resize(rng.uniform(0, 255, (4, 40, 40, 3))[0].astype(np.float32), (128, 128))
    frames = np.stack([np.roll(base, k, axis=1) for k in range(4)]).clip(0, 255).astype(np.uint8)
    noisy = (frames + rng.normal(0, 12, frames.shape)).clip(0, 255).astype(np.uint8)
    return frames, noisy


def test_they_are_scikit_images(pictures):
    metrics = pytest.importorskip("skimage.metrics")
    for a, b in zip(*pictures, strict=True):
        assert psnr(a, b) == pytest.approx(metrics.peak_signal_noise_ratio(b, a), abs=1e-9)
        wanted = metrics.structural_similarity(
            a, b, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
        )
        assert ssim(a, b) == pytest.approx(wanted, abs=1e-9)


def test_a_video_against_itself_is_perfect(pictures):
    same = pair(measured(crops=pictures[0]), measured(crops=pictures[0]))
    for metric in (PSNR(), PSNRMouth(), SSIM(), Sharpness()):
        assert metric.calculate_metric(same) == pytest.approx(metric.perfect)


def test_blur_lowers_all(pictures):
    frames = pictures[0]
    scores = []
    for kernel in (3, 7, 15):
        blurred = np.stack([cv2.GaussianBlur(one, (kernel, kernel), 0) for one in frames])
        both = pair(measured(crops=frames), measured(crops=blurred))
        scores.append([metric.calculate_metric(both) for metric in (PSNR(), PSNRMouth(), SSIM(), Sharpness())])
    assert (np.diff(np.array(scores), axis=0) < 0).all()
    assert scores[-1][3] < 0.5


def test_frames_without_a_face_do_not_count(pictures):
    frames, noisy = pictures
    boxes = np.tile(np.float32([0, 0, 128, 128]), (4, 1))
    boxes[1] = np.nan
    broken = noisy.copy()
    broken[1] = 0
    both = pair(measured(crops=frames), measured(crops=broken, boxes=boxes))
    wanted = np.mean([psnr(noisy[k], frames[k]) for k in (0, 2, 3)])
    assert PSNR().calculate_metric(both) == pytest.approx(wanted)
    nothing = pair(measured(crops=frames), measured(crops=frames, boxes=np.full((4, 4), np.nan, np.float32)))
    assert np.isnan(PSNR().calculate_metric(nothing))
