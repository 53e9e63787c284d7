"""Discriminators: one pass gives what separate ones give; R1, spectral norm; the gradient loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from test_hyperlipsbase_trainer import batch_of, copy, make
from tiny import TinyDiscriminator, TinyExpert
from torch import Tensor, nn
from torch.nn import functional as F

from talkingface.batch import GT
from talkingface.model.audio_driven_talkingface.wav2lip import Wav2Lip_disc_qual
from talkingface.model.layers.conv import ConvNoNorm, fold_frames
from talkingface.model.losses import adversarial_loss, discriminator_losses, gradient_loss
from talkingface.trainer.adversary import OnePass, normalise_spectra, r1_penalty


class EachFrame(nn.Module):
    """Judges frames one by one, as the published discriminators do."""

    judges_each_frame = gives_logits = True

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(ConvNoNorm(3, 8, 3, stride=2), ConvNoNorm(8, 8, 3), nn.Conv2d(8, 1, 5))

    def forward(self, frames: Tensor, *, as_logits: bool = False) -> Tensor:
        logits: Tensor = 30 * self.blocks(fold_frames(frames)).flatten(1).mean(1, keepdim=True)
        return logits if as_logits else logits.sigmoid()


def together(**recipe: Any) -> dict[str, nn.Module]:
    torch.manual_seed(0)
    return {"expert": TinyExpert(), "discriminator": EachFrame()}


def test_one_pass_gives_both_gradients() -> None:
    torch.manual_seed(0)
    network = EachFrame().double()
    real, drawn = torch.rand(2, 3, 3, 4, 16, 16, dtype=torch.float64)
    fake = drawn.clone().requires_grad_()
    loss = adversarial_loss(network(fake))
    (wanted,) = torch.autograd.grad(loss, fake)
    losses = discriminator_losses(network(real), network(drawn))
    weights = torch.autograd.grad(losses["disc_real"] + losses["disc_fake"], list(network.parameters()))

    judged = OnePass.over(network, real, fake)
    assert judged is not None
    (sum(judged.losses.values()) / 4).backward()
    given = judged.generator_loss(fake, 1 / 4)
    (3 * given).backward()
    torch.testing.assert_close(fake.grad / 3, wanted, rtol=1e-9, atol=1e-12)
    for weight, gradient in zip(network.parameters(), weights, strict=True):
        torch.testing.assert_close(weight.grad * 4, gradient, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(given, loss)
    assert {name: float(value.detach()) for name, value in judged.losses.items()} == pytest.approx(
        {name: float(value.detach()) for name, value in losses.items()}
    )


@pytest.mark.parametrize("level", [-300.0, 300.0])
def test_a_discriminator_that_is_sure_gives_finite_gradients(level: float) -> None:
    class Sure(EachFrame):
        def forward(self, frames: Tensor, *, as_logits: bool = False) -> Tensor:
            return (super().forward(frames, as_logits=True) + level).sigmoid()

    network, fake = Sure(), torch.rand(1, 3, 2, 16, 16, requires_grad=True)
    judged = OnePass.over(network, torch.rand(1, 3, 2, 16, 16), fake)
    assert judged is not None
    sum(judged.losses.values()).backward()  # type: ignore[union-attr]
    judged.generator_loss(fake, 1.0).backward()
    assert bool(torch.isfinite(fake.grad).all())


@pytest.mark.parametrize("parts", [1, 2])
def test_a_training_is_the_same_by_one_pass_or_several(tmp_path: Path, parts: int) -> None:
    results = []
    for one_pass in (False, True):
        trainer = make(tmp_path / str(one_pass), parts=together())
        trainer.adversary.network.judges_each_frame = one_pass  # type: ignore[assignment]
        for k in range(2 * parts):
            trainer.share = (k % parts, parts)
            losses = trainer.train_step(batch_of())
        results.append((losses, copy(trainer.model), copy(trainer.adversary.network)))
    assert results[0][0].keys() == results[1][0].keys()
    for name, value in results[0][0].items():
        torch.testing.assert_close(results[1][0][name], value, rtol=1e-4, atol=1e-5, msg=name)
    for before, after in zip(results[0][1:], results[1][1:], strict=True):
        for key, value in before.items():
            torch.testing.assert_close(after[key], value, rtol=1e-3, atol=1e-4, msg=key)


def test_several_verdicts_a_frame_are_judged_apart(tmp_path: Path) -> None:
    class Places(EachFrame):
        def forward(self, frames: Tensor, *, as_logits: bool = False) -> Tensor:
            return torch.cat([super().forward(frames)] * 2, dim=1)

    trainer = make(tmp_path, parts={"expert": TinyExpert(), "discriminator": Places()})
    assert trainer.judge_once(batch_of()[GT], torch.rand(4, 3, 5, 16, 16)) == {}
    assert "disc_fake" in trainer.train_step(batch_of())


def test_r1_is_the_mean_square_of_the_gradient() -> None:
    class Linear(nn.Module):
        gives_logits = True

        def forward(self, frames: Tensor, *, as_logits: bool) -> Tensor:
            return (2 * fold_frames(frames)).sum(dim=(1, 2, 3))[:, None]

    real = torch.rand(2, 3, 5, 4, 4)
    assert float(r1_penalty(Linear(), real)) == pytest.approx(0.5 * 4 * 3 * 4 * 4)
    assert float(r1_penalty(Linear(), real[:, :, 0][:, :, None])) == pytest.approx(0.5 * 4 * 3 * 4 * 4)
    penalty = r1_penalty(TinyDiscriminator(), real)
    assert penalty.requires_grad and float(penalty.detach()) > 0, "by its probabilities, where there are no logits"


@pytest.mark.parametrize("one_pass", [False, True])
def test_r1_counts_every_few_steps(tmp_path: Path, one_pass: bool) -> None:
    trainer = make(tmp_path, parts=together(), r1_weight=0.5, r1_every=2)
    trainer.adversary.network.judges_each_frame = one_pass  # type: ignore[assignment]
    told = []
    for step in range(3):
        trainer.progress.step = step
        told.append("r1" in trainer.train_step(batch_of()))
    assert told == [True, False, True]


def test_spectral_norm_bounds_each_layer_and_is_no_part_of_the_usual_names(tmp_path: Path) -> None:
    network = Wav2Lip_disc_qual()
    names = list(network.state_dict())
    small = EachFrame()
    normalise_spectra(small)
    for _ in range(30):  # one step of the power iteration each
        small(torch.rand(1, 3, 1, 16, 16))
    for layer in small.blocks[0].conv_block[0], small.blocks[2]:
        assert float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)) == pytest.approx(1.0, abs=0.02)
    assert not any("parametrizations" in name for name in names)
    plain, bounded = (make(tmp_path / str(on), parts=together(), spectral_norm=on) for on in (False, True))
    assert set(plain.adversary.network.state_dict()) == set(EachFrame().state_dict())
    assert bounded.train_step(batch_of()).keys() == plain.train_step(batch_of()).keys()


def test_gradients_of_pictures_at_four_scales() -> None:
    real = torch.zeros(1, 3, 2, 16, 16)
    assert gradient_loss(real + 0.5, real) == 0, "a brightness that is off has no edges"
    step = real.clone()
    step[..., 8:] = 1.0  # one edge, of height 1, seen at each scale: a column in 15, 7, 3 and 1
    wanted = (1 / 15 + 1 / 7 + 1 / 3 + 1 / 1) / 8
    assert float(gradient_loss(step, real)) == pytest.approx(wanted, rel=1e-6)
    blurred = F.avg_pool2d(step[:, :, 0], 3, 1, 1)[:, :, None]
    assert gradient_loss(blurred, step) > 0
    assert gradient_loss(torch.rand(2, 3, 1, 1), torch.rand(2, 3, 1, 1)) == 0


def test_the_gradient_loss_has_its_weight(tmp_path: Path) -> None:
    losses = make(tmp_path, parts=together(), gradient_weight=0.3).train_step(batch_of())
    others = 0.77 * losses["l1"] + 0.03 * losses["sync"] + 0.2 * losses["adversarial"]
    assert float(losses["loss"]) == pytest.approx(float(others + 0.3 * losses["gradient"]), rel=1e-5)
