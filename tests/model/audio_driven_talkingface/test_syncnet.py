"""The sync expert beyond the golden vectors: embeddings, the loss it gives a generator, the model contract."""

from __future__ import annotations

import pytest
import torch
from filled import fill

from talkingface.batch import FACE_WINDOW, IN_SYNC, MELS
from talkingface.model.audio_driven_talkingface.hyperlipsbase_config import HyperLipsBaseConfig
from talkingface.model.audio_driven_talkingface.syncnet import SyncNet_color, SyncNetConfig
from talkingface.model.losses import sync_loss
from talkingface.utils.errors import UserError


@pytest.fixture(scope="module")
def expert() -> SyncNet_color:
    """Frozen, as a generator's trainer holds it."""
    frozen = fill(SyncNet_color(), 1.3).eval().requires_grad_(False)
    assert isinstance(frozen, SyncNet_color)
    return frozen


@pytest.mark.parametrize("bf16", [False, True])
def test_embeddings_are_unit_vectors_without_negatives(expert: SyncNet_color, bf16: bool) -> None:
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        audio, face = expert(torch.rand(2, 1, 80, 16), torch.rand(2, 15, 64, 128))
    for embedding in (audio, face):
        assert embedding.shape == (2, 512) and embedding.dtype == torch.float32
        assert embedding.min() >= 0
        torch.testing.assert_close(embedding.norm(dim=1), torch.ones(2))


def test_gradients_reach_the_frames_through_the_frozen_expert(expert: SyncNet_color) -> None:
    frames, mel = torch.rand(2, 3, 5, 64, 64, requires_grad=True), torch.rand(2, 1, 80, 16)
    loss = expert.generated_loss(mel, frames)
    loss.backward()
    assert frames.grad.isfinite().all()
    assert frames.grad[..., :32, :].count_nonzero() == 0
    assert all(frames.grad[:, :, frame, 32:].any() for frame in range(5))
    assert all(weight.grad is None for weight in expert.parameters())
    audio, face = expert(mel, expert.window(frames.detach()))
    assert loss.item() == pytest.approx(sync_loss(audio, face, 1.0).item())


def test_every_weight_learns() -> None:
    expert = fill(SyncNet_color(), 1.3).train()
    batch = {FACE_WINDOW: torch.rand(3, 15, 64, 128), MELS: torch.rand(3, 1, 80, 16), IN_SYNC: torch.eye(3)[:, :1]}
    losses = expert.calculate_loss(batch)
    assert losses.keys() == {"sync", "loss"}
    losses["loss"].backward()
    for name, weight in expert.named_parameters():
        assert weight.grad.isfinite().all() and weight.grad.any(), name


def test_predict_says_how_well_they_fit(expert: SyncNet_color) -> None:
    fit = expert.predict({FACE_WINDOW: torch.rand(3, 15, 64, 128), MELS: torch.rand(3, 1, 80, 16)})
    assert fit.shape == (3,)
    assert fit.min() >= 0 and fit.max() <= 1


def test_model_contract(expert: SyncNet_color) -> None:
    assert expert.config == SyncNetConfig()
    with pytest.raises(TypeError, match="HyperLipsBaseConfig"):
        SyncNet_color(HyperLipsBaseConfig())  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"SyncNet_color.generate_batch: .* talkingface.quick_start.evaluate"):
        expert.generate_batch()
