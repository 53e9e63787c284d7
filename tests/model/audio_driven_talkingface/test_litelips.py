"""LiteLips: shapes, what passes through, what the sound decides, and its discriminator."""

from __future__ import annotations

import pytest
import torch
from filled import mels
from torch import Tensor

from talkingface.batch import GT, INDIV_MELS, INPUT_FRAMES
from talkingface.model.audio_driven_talkingface.litelips import LiteLips, LiteLipsConfig
from talkingface.model.layers.mouth_discriminator import MouthDiscriminator


@pytest.fixture
def network() -> LiteLips:
    torch.manual_seed(0)
    return LiteLips(LiteLipsConfig(channels=8, img_size=64, mel_context=4))


@pytest.fixture
def sounds() -> Tensor:
    return mels(3, (2, 2, 1, 80, 24), torch.float32)


def test_windows_and_single_frames_are_drawn_alike(network: LiteLips, batch: dict[str, Tensor], sounds: Tensor) -> None:
    network.eval()
    frames = batch[INPUT_FRAMES]
    drawn = network(sounds, frames)
    assert drawn.shape == (2, 3, 2, 64, 64)
    torch.testing.assert_close(network(sounds[:, 1], frames[:, :, 1]), drawn[:, :, 1])


def test_the_upper_half_is_the_targets_own(network: LiteLips, batch: dict[str, Tensor], sounds: Tensor) -> None:
    drawn = network.predict({INDIV_MELS: sounds, INPUT_FRAMES: batch[INPUT_FRAMES]})
    torch.testing.assert_close(drawn[..., :32, :], batch[GT][..., :32, :], rtol=0, atol=0)
    assert drawn[..., 32:, :].min() > 0 and drawn[..., 32:, :].max() < 1


def test_sound_and_reference_decide_the_lower_half(network: LiteLips, batch: dict[str, Tensor], sounds: Tensor) -> None:
    drawn = network.predict({INDIV_MELS: sounds, INPUT_FRAMES: batch[INPUT_FRAMES]})
    other_sound = network.predict({INDIV_MELS: sounds.flip(0), INPUT_FRAMES: batch[INPUT_FRAMES]})
    other_face = batch[INPUT_FRAMES].clone()
    other_face[:, 3:] = other_face[:, 3:].flip(0)
    assert (drawn - other_sound)[..., 32:, :].abs().max() > 1e-4
    assert (drawn - network.predict({INDIV_MELS: sounds, INPUT_FRAMES: other_face}))[..., 32:, :].abs().max() > 1e-4


def test_every_weight_learns(network: LiteLips, batch: dict[str, Tensor], sounds: Tensor) -> None:
    network.train().calculate_loss({**batch, INDIV_MELS: sounds})["loss"].backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None] == []


def test_the_published_size() -> None:
    network = LiteLips(LiteLipsConfig())
    assert sum(weight.numel() for weight in network.parameters()) == pytest.approx(8.0e6, rel=0.01)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"channels": 12}, "channels: wanted a positive multiple of 8, got 12"),
        ({"mel_context": 3}, "mel_context: wanted 0 or a multiple of 4 mel steps, got 3"),
        ({"l1_weight": -1.0}, "l1_weight: wanted 0 or more"),
    ],
)
def test_what_cannot_be_built_is_refused(keys: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LiteLipsConfig(**keys)


def test_the_discriminator_looks_at_the_mouth_alone() -> None:
    torch.manual_seed(0)
    discriminator, faces = MouthDiscriminator(), torch.rand(2, 3, 3, 96, 96)
    verdict = discriminator(faces)
    assert verdict.shape == (6, 5 * 8)
    changed = faces.clone()
    changed[..., :48, :] = 0
    changed[..., 91:, :] = 0
    changed[..., :14] = 0
    torch.testing.assert_close(discriminator(changed), verdict)
    changed[:, :, 1, 60:70, 40:50] = 1
    moved = (discriminator(changed) - verdict).abs().amax(dim=1).unflatten(0, (3, 2))
    assert (moved[1] > 0).all()
    assert not moved[0].any() and not moved[2].any()
