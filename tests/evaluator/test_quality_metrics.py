"""Quality metrics go the right way as pictures get worse, are perfect on the same, and agree with other code."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from ladder import LADDERS, blurred, face_crops, noisy
from skimage import data
from skimage.metrics import structural_similarity
from videos import measured, pair

from talkingface.evaluator.metrics.base import mouth_region
from talkingface.evaluator.metrics.image import LPIPS, PSNR, SSIM, LPIPSMouth, PSNRMouth, Sharpness, SSIMMouth
from talkingface.evaluator.metrics.networks import MetricNetworks
from talkingface.evaluator.metrics.no_reference import CPBD, BlurEffect, CPBDMouth, blur_effect, cpbd, edge_widths
from talkingface.model.losses.perceptual import LPIPS_HEADS, LPIPS_WIDTHS, VGG16, Lpips, make_features

sys.path.append(str(Path(__file__).parents[1] / "model"))
from filled import filled_value, images

COMPARED = (PSNR, PSNRMouth, SSIM, SSIMMouth)
LIKE_REAL = (Sharpness, BlurEffect, CPBD, CPBDMouth)
"""Scores whose right value is the real picture's: blur moves them one way, noise the other."""
PUBLISHED_CPBD = {
    "astronaut": (0.3836, 0.2979, 0.1260, 0.0363, 0.0059),
    "coffee": (0.6114, 0.5144, 0.2081, 0.0415, 0.0145),
    "camera": (0.7482, 0.6754, 0.3444, 0.1081, 0.0185),
}
"""By the package cpbd 1.0.7 on grey pictures blurred with a Gaussian of 0, 0.5, 1, 1.5 and 2 pixels."""


@pytest.fixture(scope="module")
def crops():
    return face_crops()


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """LPIPS with a random backbone: the formula is the same, the numbers are nobody's."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    features = make_features("vgg16")
    torch.save({f"features.{k}": v for k, v in features.state_dict().items()}, folder / VGG16.name)
    heads = {f"lin{k}.model.1.weight": torch.rand(1, n, 1, 1) for k, n in enumerate((64, 128, 256, 512, 512))}
    torch.save(heads, folder / LPIPS_HEADS.name)
    return MetricNetworks(checkpoints_dir=str(folder))


def steps(metric, crops, worsen, networks=None):
    """The metric of the same pictures, then of three ever worse ones, turned so that more is better."""
    made = [crops, *(worsen(crops, strength) for strength in (1, 2, 3))]
    pairs = [pair(measured(crops=crops), measured(crops=one)) for one in made]
    for one in pairs:
        one.networks = networks or one.networks
    sign = -1 if metric.smaller else 1
    return np.array([sign * metric.calculate_metric(one) for one in pairs])


@pytest.mark.parametrize("kind", LADDERS)
@pytest.mark.parametrize("metric", COMPARED, ids=lambda one: one.name)
def test_each_step_is_seen(metric, kind, crops):
    values = steps(metric(), crops, LADDERS[kind])
    assert values[0] == metric.perfect
    assert (np.diff(values) < 0).all()


@pytest.mark.parametrize("kind", LADDERS)
@pytest.mark.parametrize("metric", LIKE_REAL, ids=lambda one: one.name)
def test_each_step_leads_away_from_the_real_value(metric, kind, crops):
    assert metric.best in ("one", "real")
    values = steps(metric(), crops, LADDERS[kind])
    assert (np.diff(np.abs(values - values[0])) > 0).all()


@pytest.mark.parametrize("metric", LIKE_REAL, ids=lambda one: one.name)
def test_blur_and_noise_move_them_to_opposite_sides(metric, crops):
    blur, noise = (steps(metric(), crops, worsen) for worsen in (blurred, noisy))
    assert (np.sign(np.diff(blur)) == -np.sign(np.diff(noise))).all() and np.diff(blur).all()


@pytest.mark.parametrize("kind", LADDERS)
@pytest.mark.parametrize("metric", [LPIPS, LPIPSMouth], ids=lambda one: one.name)
def test_lpips_sees_each_step(metric, kind, crops, networks):
    values = steps(metric(), crops, LADDERS[kind], networks)
    assert values[0] == 0
    assert (np.diff(values) < 0).all()


def test_lpips_is_the_published_packages():
    """The package lpips 0.1.4 (VGG, 0.1) with the same made-up weights, on pictures turned to RGB in [-1, 1]."""
    features = make_features("vgg16")
    for key, value in features.state_dict().items():
        value.copy_(torch.from_numpy(filled_value(f"features.{key}", tuple(value.shape), 1.41)))
    drawn = [np.random.RandomState(k).random_sample((1, n, 1, 1)) for k, n in enumerate(LPIPS_WIDTHS)]
    network = Lpips(features, [torch.from_numpy(one) for one in drawn])
    with torch.no_grad():
        got = network(*(images(seed, (2, 3, 128, 128), torch.float32) for seed in (1, 2)))
    assert float(got) == pytest.approx(0.77342433, rel=1e-5)


def test_metrics_without_weights_say_which(crops, tmp_path):
    same = pair(measured(crops=crops), measured(crops=crops))
    same.networks = MetricNetworks(checkpoints_dir=str(tmp_path))
    reason = LPIPS().not_measured(same.networks)
    assert VGG16.name in reason and LPIPS_HEADS.name in reason and str(tmp_path) in reason


def test_ssim_of_the_mouth_is_scikit_images(crops):
    made = blurred(crops, 2)
    wanted = [
        structural_similarity(mouth_region(a), mouth_region(b), channel_axis=2, gaussian_weights=True, sigma=1.5,
                              use_sample_covariance=False, data_range=255)
        for a, b in zip(crops, made, strict=True)
    ]  # fmt: skip
    got = SSIMMouth().calculate_metric(pair(measured(crops=crops), measured(crops=made)))
    assert got == pytest.approx(np.mean(wanted), abs=1e-6)


@pytest.mark.parametrize("name", PUBLISHED_CPBD)
def test_cpbd_is_near_the_published_package(name):
    picture = getattr(data, name)()
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    made = [cpbd(grey), *(cpbd(cv2.GaussianBlur(grey, (0, 0), sigma)) for sigma in (0.5, 1, 1.5, 2))]
    np.testing.assert_allclose(made, PUBLISHED_CPBD[name], atol=0.11)


def test_width_of_a_ramp():
    """A rise over seven pixels, by hand; flat on both sides."""
    row = np.concatenate([np.full(30, 50), np.linspace(50, 190, 8), np.full(26, 190)])
    edges, widths = edge_widths(np.tile(row, (64, 1)).astype(np.uint8))
    assert edges.any() and set(np.unique(widths)) == {0, 7}
    assert cpbd(np.tile(row, (64, 1)).astype(np.uint8)) == 0, "wider than 3 pixels at high contrast"
    step = np.tile(np.repeat([50, 190], 32), (64, 1)).astype(np.uint8)
    assert cpbd(step) == 1
    assert np.isnan(cpbd(np.full((64, 64), 80, np.uint8))), "no edges"


def test_blur_effect_is_scikit_images(crops):
    from skimage.measure import blur_effect as effect

    assert blur_effect(crops[0]) == effect(cv2.cvtColor(crops[0], cv2.COLOR_BGR2GRAY), h_size=11)
