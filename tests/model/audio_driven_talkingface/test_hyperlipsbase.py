"""HyperLipsBase and its discriminator beyond the golden vectors: shapes, gradients, precisions, the model contract."""

from __future__ import annotations

import copy

import pytest
import torch
from filled import fill
from torch import Tensor

from talkingface.batch import GT, INDIV_MELS, INPUT_FRAMES
from talkingface.model.audio_driven_talkingface.hyperlipsbase import (
    HyperCtrolDiscriminator,
    HyperLipsBase,
    HyperLipsBaseConfig,
)
from talkingface.model.layers.conv import fold_frames, fold_mels
from talkingface.model.layers.recurrent_decoder import StatelessConvGRU


@pytest.fixture(scope="module")
def filled_base() -> HyperLipsBase:
    """In evaluation mode; tests leave it so."""
    base = fill(HyperLipsBase(), 1.3).eval()
    assert isinstance(base, HyperLipsBase)
    return base


def test_windows_are_frames_drawn_alone(filled_base: HyperLipsBase, batch: dict[str, Tensor]) -> None:
    mel, face = batch[INDIV_MELS], batch[INPUT_FRAMES]
    with torch.no_grad():
        window = filled_base(mel, face)
        for sample in range(2):
            for frame in range(2):
                alone = filled_base(mel[sample, frame][None], face[sample, :, frame][None])
                torch.testing.assert_close(window[sample, :, frame], alone[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(32, 32), (48, 80), (96, 96)])
def test_sizes(filled_base: HyperLipsBase, size: tuple[int, int]) -> None:
    with torch.no_grad():
        out = filled_base(torch.rand(1, 1, 80, 16), torch.rand(1, 6, *size))
    assert out.shape == (1, 3, *size)
    assert out.min() > 0 and out.max() < 1


def test_every_weight_learns(batch: dict[str, Tensor]) -> None:
    """All gradients exist; zero are only those of the ConvGRU's weights that see the hidden state."""
    base = fill(HyperLipsBase(), 1.3).train()
    losses = base.calculate_loss(batch)
    assert losses.keys() == {"l1", "loss"}
    losses["loss"].backward()
    unused = set()
    for name, module in base.named_modules():
        if isinstance(module, StatelessConvGRU):
            unused |= {f"{name}.ih.0.weight", f"{name}.ih.0.bias", f"{name}.hh.0.weight"}
    zeros = 0
    for name, weight in base.named_parameters():
        assert weight.grad is not None and weight.grad.isfinite().all(), name
        assert weight.grad.any(), name
        if name in unused:
            zeros += weight.numel() - int(weight.grad.count_nonzero())
    assert zeros == pytest.approx(228_812, abs=200)  # a few others may be zero by chance


def test_steps_lower_the_loss(batch: dict[str, Tensor]) -> None:
    base = fill(HyperLipsBase(), 1.3).train()
    optimizer = torch.optim.Adam(base.parameters(), lr=1e-4, fused=True)
    losses = []
    for _ in range(3):
        loss = base.calculate_loss(batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_bf16(filled_base: HyperLipsBase, batch: dict[str, Tensor]) -> None:
    exact = filled_base.predict(batch)
    with torch.autocast("cpu", torch.bfloat16):
        rough = filled_base.predict(batch)
    assert rough.dtype == torch.float32
    assert (exact - rough).abs().max() < 0.05
    assert (exact - rough).abs().mean() < 0.005
    base = copy.deepcopy(filled_base).train()
    with torch.autocast("cpu", torch.bfloat16):
        loss = base.calculate_loss(batch)["loss"]
    loss.backward()
    assert loss.dtype == torch.float32
    assert all(weight.grad.dtype == torch.float32 and weight.grad.isfinite().all() for weight in base.parameters())


def test_predict_leaves_the_mode_and_takes_frames_or_windows(batch: dict[str, Tensor]) -> None:
    base = fill(HyperLipsBase(), 1.3).train()
    before = copy.deepcopy(base.state_dict())
    window = base.predict(batch)
    frames = base.predict({INPUT_FRAMES: fold_frames(batch[INPUT_FRAMES]), INDIV_MELS: fold_mels(batch[INDIV_MELS])})
    assert base.training and not window.requires_grad
    assert window.shape == (2, 3, 2, 64, 64)
    torch.testing.assert_close(fold_frames(window), frames)
    assert all(torch.equal(value, before[key]) for key, value in base.state_dict().items())


def test_mouth_weight_is_used(filled_base: HyperLipsBase, batch: dict[str, Tensor]) -> None:
    heavy = HyperLipsBase(HyperLipsBaseConfig(mouth_weight=50.0)).eval()
    heavy.load_state_dict(filled_base.state_dict())
    spoiled = dict(batch)
    spoiled[GT] = filled_base.predict(batch)
    spoiled[GT][..., 44:52, 28:36] = 0  # only the mouth is wrong
    with torch.no_grad():
        assert heavy.calculate_loss(spoiled)["loss"] > 3 * filled_base.calculate_loss(spoiled)["loss"]


@pytest.mark.parametrize("change", [{"mouth_weight": 0.0}, {"l1_weight": -1.0}, {"disc_learning_rate": 0.0}])
def test_recipe_refuses(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        HyperLipsBaseConfig(**change)


@pytest.mark.parametrize("size", [(48, 48), (64, 64), (96, 96), (128, 128)])
def test_discriminator_scores_frames_of_any_size(size: tuple[int, int]) -> None:
    discriminator = HyperCtrolDiscriminator()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        scores = discriminator(torch.rand(2, 3, 2, *size))
    assert scores.shape == (4, 1)
    assert scores.dtype == torch.float32
    assert scores.min() > 0 and scores.max() < 1


def test_discriminator_is_time_major_and_sees_the_lower_half() -> None:
    discriminator = fill(HyperCtrolDiscriminator(), 1.41)
    frames = torch.rand(2, 3, 2, 64, 64)
    upper, lower = frames.clone(), frames.clone()
    upper[1, :, 0, :32] = 0
    lower[1, :, 0, 32:] = 0
    with torch.no_grad():
        plain, seen = discriminator(frames), discriminator(lower)
        assert torch.equal(discriminator(upper), plain)
    changed = (plain != seen).flatten().tolist()
    assert changed == [False, True, False, False]  # frame 0 of sample 1 is the second score
