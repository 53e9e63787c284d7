"""Likeness of the pictures: PSNR, SSIM, LPIPS (Zhang et al. 2018) and sharpness against the real video.

Both videos are cut at the real video's tracked box and resized to one square, so that faces of all sizes count alike.
"""

# B batch

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np
import torch
from torch import Tensor

from talkingface.evaluator.metrics.base import (
    REGIONS,
    SPARSE,
    ClipPair,
    Direction,
    Metric,
    Region,
    frames_of,
    mean_compared,
    mouth_region,
)
from talkingface.model.losses.perceptual import LPIPS_HEADS, VGG16, load_lpips
from talkingface.utils.weights import WeightsFile

PEAK = 255.0
EQUAL = 100.0
"""Stands for the PSNR of equal pictures where a mean is taken over single ones, dB."""
BATCH = 8


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two uint8 images in dB, peak 255; infinite where they are equal."""
    error = float(np.mean(np.square(a.astype(np.float64) - b.astype(np.float64))))
    return float("inf") if error == 0 else 10 * float(np.log10(PEAK**2 / error))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004) of two uint8 (H, W, C) images, mean over pixels and channels.

    Gaussian window of 11 pixels, sigma 1.5, K1 0.01, K2 0.03, population covariance; five pixels at the border are
    left out, as scikit-image does with `gaussian_weights=True, use_sample_covariance=False`.
    """
    x, y = a.astype(np.float64), b.astype(np.float64)

    def blur(image: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.GaussianBlur(image, (11, 11), 1.5))[5:-5, 5:-5]

    mean_x, mean_y = blur(x), blur(y)
    var_x, var_y = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2
    cov = blur(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    top = (2 * mean_x * mean_y + c1) * (2 * cov + c2)
    return float(np.mean(top / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))))


def picture_scores(drawn: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """Return `psnr`, `psnr_mouth`, `ssim`, `ssim_mouth` of one drawn face, uint8 (S, S, 3); PSNR is 100 dB at most.

    For faces as they are drawn, before they are pasted and encoded.
    """
    mouths = mouth_region(drawn), mouth_region(real)
    return {
        "psnr": min(psnr(drawn, real), EQUAL),
        "psnr_mouth": min(psnr(*mouths), EQUAL),
        "ssim": ssim(drawn, real),
        "ssim_mouth": ssim(*mouths),
    }


def gradient_energy(image: np.ndarray) -> float:
    """Mean squared gradient (Sobel) of the grey image: falls when a picture is blurred."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    return float(np.mean(across**2 + down**2))


class PSNR(Metric):
    """Mean over frames of each frame's PSNR on the whole crop."""

    name, title, unit, metric_type = "psnr", "PSNR", "dB", "image"
    region: ClassVar[Region] = "face"
    best: ClassVar[Direction] = "higher"
    perfect, digits = float("inf"), 2

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return dB."""
        return mean_compared(pair, psnr, self.region)


class PSNRMouth(Metric):
    """Mean over frames of each frame's PSNR on the mouth: lower half, middle half of the width."""

    name, title, unit, metric_type = "psnr_mouth", "PSNR mouth", "dB", "image"
    region: ClassVar[Region] = "mouth"
    perfect, digits = float("inf"), 2

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return dB."""
        return mean_compared(pair, psnr, self.region)


class SSIM(Metric):
    """Mean over frames of each frame's SSIM on the whole crop, colour channels averaged."""

    name, title, unit, metric_type = "ssim", "SSIM", "", "image"
    region: ClassVar[Region] = "face"
    perfect = 1.0

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return a share, 1 for equal pictures."""
        return mean_compared(pair, ssim, self.region)


class SSIMMouth(Metric):
    """Mean over frames of each frame's SSIM on the mouth: lower half, middle half of the width."""

    name, title, unit, metric_type = "ssim_mouth", "SSIM mouth", "", "image"
    region: ClassVar[Region] = "mouth"
    perfect = 1.0

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return a share, 1 for equal pictures."""
        return mean_compared(pair, ssim, self.region)


class Sharpness(Metric):
    """Gradient energy of the mouth, generated over real (sums over frames): under 1 is blurred."""

    name, title, unit, metric_type = "sharpness", "sharpness", "ratio", "image"
    region: ClassVar[Region] = "mouth"
    best: ClassVar[Direction] = "one"
    perfect = 1.0

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return a ratio."""
        frames = frames_of(pair)
        real = sum(gradient_energy(mouth_region(pair.real.crops[i])) for i in frames)
        made = sum(gradient_energy(mouth_region(pair.generated.crops[i])) for i in frames)
        return made / real if real > 0 else float("nan")


class LPIPS(Metric):
    """LPIPS by VGG16 with the published heads on the face crop, mean over every fifth frame."""

    name, title, unit, metric_type = "lpips", "LPIPS", "", "image"
    smaller: ClassVar[bool] = True
    best: ClassVar[Direction] = "lower"
    perfect = 0.0
    needs: ClassVar[tuple[WeightsFile, ...]] = (VGG16, LPIPS_HEADS)
    region: ClassVar[Region] = "face"

    @torch.inference_mode()
    def calculate_metric(self, pair: ClipPair) -> float:
        """Return a distance, 0 for equal pictures."""
        network = pair.networks.network(load_lpips, *self.needs)
        frames, total = frames_of(pair, SPARSE), 0.0
        for first in range(0, len(frames), BATCH):
            numbers = frames[first : first + BATCH]
            made, real = (self._batch(video.crops[numbers], pair) for video in (pair.generated, pair.real))
            total += float(network(made, real)) * len(numbers)
        return total / len(frames) if len(frames) else float("nan")

    def _batch(self, crops: np.ndarray, pair: ClipPair) -> Tensor:
        """uint8 (B, S, S, 3) to float (B, 3, h, w) in [0, 1], BGR as the network here wants it."""
        cut = np.stack([REGIONS[self.region](one) for one in crops])
        return torch.from_numpy(cut).to(pair.networks.device).permute(0, 3, 1, 2).float() / 255


class LPIPSMouth(LPIPS):
    """LPIPS by VGG16 on the mouth: lower half, middle half of the width, mean over every fifth frame."""

    name, title = "lpips_mouth", "LPIPS mouth"
    region: ClassVar[Region] = "mouth"
