"""PSNR and SSIM while a generator is trained, against scikit-image."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from tiny import TinyDiscriminator, TinyExpert, TinySet, tiny_config, tiny_trainer

from talkingface.model.audio_driven_talkingface.wav2lip_config import Wav2LipConfig
from talkingface.trainer.validation import MOST_FRAMES, picture_values
from talkingface.trainer.wav2lip_trainer import Wav2LipTrainer

NAMES = {"psnr", "psnr_mouth", "ssim", "ssim_mouth"}


def faces(seed: int, *, samples: int = 6, side: int = 48) -> torch.Tensor:
    return torch.rand((samples, 3, 5, side, side), generator=torch.Generator().manual_seed(seed))


def test_values_are_those_of_scikit_image_on_the_middle_frames():
    fake, real = faces(0), faces(1)
    found = picture_values(fake, real)
    pictures = [
        (one[:MOST_FRAMES, :, 2] * 255).round().byte().permute(0, 2, 3, 1).numpy() for one in (fake, real)
    ]  # fmt: skip
    for region, cut in (("", slice(None)), ("_mouth", (slice(24, None), slice(12, 36)))):
        psnr, ssim = [], []
        for a, b in zip(*pictures, strict=True):
            a, b = a[cut], b[cut]
            psnr.append(peak_signal_noise_ratio(b, a, data_range=255))
            ssim.append(structural_similarity(
                a, b, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
            ))  # fmt: skip
        assert float(found[f"psnr{region}"]) == pytest.approx(np.mean(psnr), abs=1e-4)
        assert float(found[f"ssim{region}"]) == pytest.approx(np.mean(ssim), abs=1e-4)


def test_equal_faces_are_finite_and_tiny_ones_are_passed_over():
    values = {name: float(value) for name, value in picture_values(faces(0), faces(0)).items()}
    assert values == pytest.approx({"psnr": 100, "psnr_mouth": 100, "ssim": 1, "ssim_mouth": 1})
    assert picture_values(faces(0, side=16), faces(1, side=16)) == {}


def test_a_validation_writes_them_and_they_decide_nothing(tmp_path: Path):
    recipe = Wav2LipConfig(train_batch_size=4, evaluate_batch_size=4, max_steps=2, valid_every=1)
    config = tiny_config(tmp_path, model=recipe)
    trainer = tiny_trainer(config, kind=Wav2LipTrainer, expert=TinyExpert(), discriminator=TinyDiscriminator())
    data = TinySet(5, num_frames=5, size=32)
    values = trainer.validate(data)
    assert set(values) >= NAMES and values == trainer.validate(data), "the same frames each time"
    assert values["loss"] == pytest.approx(0.99 * values["l1"] + 0.01 * values["sync"], rel=1e-6)
    trainer.fit(data, data)
    lines = [json.loads(line) for line in next(tmp_path.rglob("metrics.jsonl")).read_text().splitlines()]
    assert all(set(line) >= NAMES for line in lines if line["split"] == "valid")
    assert not any(set(line) & NAMES for line in lines if line["split"] == "train")
