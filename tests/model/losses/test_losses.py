"""Losses against numbers worked by hand."""

from __future__ import annotations

import math

import pytest
import torch

from talkingface.model.losses import (
    adversarial_loss,
    discriminator_losses,
    expert_window,
    l1_loss,
    mouth_map,
    sync_loss,
    weighted_sum,
)

A = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
V = torch.tensor([[0.6, 0.8], [0.0, 1.0]])  # cosines 0.6 and 0.8


def test_sync_loss_by_hand() -> None:
    target = torch.tensor([[1.0], [0.0]])
    wanted = -(math.log(0.6) + math.log(0.2)) / 2
    assert sync_loss(A, V, target).item() == pytest.approx(wanted, rel=1e-6)
    assert sync_loss(A, V, 1.0).item() == pytest.approx(-(math.log(0.6) + math.log(0.8)) / 2, rel=1e-6)


def test_sync_loss_does_not_depend_on_length_or_precision() -> None:
    assert sync_loss(A * 3, V * 7, 1.0).item() == pytest.approx(sync_loss(A, V, 1.0).item(), rel=1e-6)
    with torch.autocast("cpu", torch.bfloat16):
        assert sync_loss(A, V, 1.0).dtype == torch.float32


@pytest.mark.parametrize("target", [0.0, 1.0])
@pytest.mark.parametrize("cosine", ["one", "zero", "collapsed"])
def test_sync_loss_at_the_edges(cosine: str, target: float) -> None:
    audio = torch.full((1, 512), 0.1) if cosine != "zero" else torch.eye(1, 512)
    face = audio.clone() if cosine == "one" else torch.eye(512)[1:2] * (cosine == "zero")
    audio.requires_grad_()
    face.requires_grad_()
    loss = sync_loss(audio, face, target)
    loss.backward()
    assert 0 <= loss.item() < 14
    assert audio.grad.isfinite().all() and face.grad.isfinite().all()


def test_expert_window_takes_lower_halves_of_frames_in_order() -> None:
    frames = torch.zeros(1, 3, 2, 8, 6)
    frames[:, 1, 0, 4:] = 0.25  # channel 1 of frame 0 becomes channel 1, of frame 1 channel 4
    frames[:, 1, 1, 4:] = 0.75
    for size in [(4, 6), (5, 9)]:
        window = expert_window(frames, size)
        assert window.shape == (1, 6, *size)
        assert window.mean((0, 2, 3)).tolist() == pytest.approx([0, 0.25, 0, 0, 0.75, 0])


def test_adversarial_losses_by_hand() -> None:
    real, fake = torch.tensor([[0.9], [0.5]]), torch.tensor([[0.2], [0.4]])
    assert adversarial_loss(fake).item() == pytest.approx(-(math.log(0.2) + math.log(0.4)) / 2, rel=1e-6)
    losses = discriminator_losses(real, fake)
    assert losses["disc_real"].item() == pytest.approx(-(math.log(0.9) + math.log(0.5)) / 2, rel=1e-6)
    assert losses["disc_fake"].item() == pytest.approx(-(math.log(0.8) + math.log(0.6)) / 2, rel=1e-6)


def test_mouth_map() -> None:
    mask = mouth_map(100, 50, device=torch.device("cpu"))
    assert mask.shape == (100, 50)
    assert mask[:50].count_nonzero() == 0 and mask[95:].count_nonzero() == 0
    assert mask[:, :7].count_nonzero() == 0 and mask[:, 43:].count_nonzero() == 0
    assert torch.equal(mask[60:85, 13:37], torch.ones(25, 24))
    # row 55's centre lies 0.055 inside, over an edge of 0.10
    assert mask[55, 25].item() == pytest.approx(0.55, abs=1e-5)
    torch.testing.assert_close(mask, mask.flip(1))


def test_l1_by_hand() -> None:
    fake, real = torch.tensor([[0.0, 0.5], [1.0, 0.25]]), torch.tensor([[0.5, 0.5], [0.0, 0.0]])
    assert l1_loss(fake, real).item() == pytest.approx((0.5 + 0 + 1 + 0.25) / 4)


def test_mouth_weight_is_a_weighted_mean() -> None:
    real, mask = torch.zeros(1, 3, 2, 40, 40), mouth_map(40, 40, device=torch.device("cpu"))
    everywhere = l1_loss(real + 0.3, real, mouth_weight=5.0)
    assert everywhere.item() == pytest.approx(0.3, rel=1e-5)  # the scale of the loss stays
    on_mouth = l1_loss(real + mask, real, mouth_weight=5.0)
    weights = 1 + 4 * mask.double()
    assert on_mouth.item() == pytest.approx(((weights * mask).sum() / weights.sum()).item(), rel=1e-5)


def test_weighted_sum() -> None:
    losses = {"l1": torch.tensor(2.0), "sync": torch.tensor(3.0)}
    assert weighted_sum(losses, {"sync": 0.1, "l1": 0.5}).item() == pytest.approx(1.3)
    with pytest.raises(KeyError, match="adversarial"):
        weighted_sum(losses, {"sync": 0.1, "l1": 0.5, "adversarial": 1.0})
    with pytest.raises(KeyError, match="sync"):
        weighted_sum(losses, {"l1": 0.5})
