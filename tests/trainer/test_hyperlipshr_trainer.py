"""The recipe of HyperLips's decoder: published losses, each term with random backbones, 512 px, what is missing."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio
from tiny import tiny_config
from torch import nn

from talkingface.batch import GT_IMG, GT_MASK, GT_SKETCH, HYPER_IMG, HYPER_SKETCH, Batch
from talkingface.model.audio_driven_talkingface.hyperlipshr import HRDecoder_disc_qual, HyperLipsHR
from talkingface.model.audio_driven_talkingface.hyperlipshr_config import HyperLipsHRConfig
from talkingface.model.losses.perceptual import LPIPS_WIDTHS, Lpips, VggContent, make_features
from talkingface.trainer.detail import best_detail, best_share, detail_sums
from talkingface.trainer.hyperlipshr_trainer import HyperLipsHRTrainer, full_weights, lip_size
from talkingface.trainer.run_folder import RunFolder
from talkingface.utils.errors import MissingWeightsError

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "losses" / "hyperlips_hr.json"
BOXES = [[70, 100, 40, 90], [64, 96, 30, 80], [72, 110, 35, 95], [66, 104, 44, 86]]


def fill(module: nn.Module, gain: float) -> nn.Module:
    """Weights that depend on the key and the shape alone, as those of the golden networks."""
    filled = {}
    for key, like in module.state_dict().items():
        name, shape = key.rpartition(".")[2], tuple(like.shape)
        random = np.random.RandomState(zlib.crc32(key.encode()))
        if name == "num_batches_tracked":
            value: Any = np.zeros(shape)
        elif name == "running_var":
            value = 0.5 + random.random_sample(shape)
        elif name == "running_mean":
            value = 0.1 * random.standard_normal(shape)
        elif len(shape) <= 1:
            value = (
                0.75 + 0.5 * random.random_sample(shape) if name == "weight" else 0.05 * random.standard_normal(shape)
            )
        else:
            value = gain / np.sqrt(np.prod(shape[1:])) * random.standard_normal(shape)
        filled[key] = torch.from_numpy(np.asarray(value)).to(like.dtype)
    module.load_state_dict(filled)
    return module


def images(seed: int, *shape: int) -> torch.Tensor:
    drawn = np.random.RandomState(seed).randint(0, 256, size=shape)
    return torch.from_numpy(drawn.astype(np.float32) / np.float32(255))


def trainer_of(folder: Path, parts: dict[str, nn.Module] | None = None, **recipe: Any) -> HyperLipsHRTrainer:
    config = tiny_config(folder, model=HyperLipsHRConfig(**recipe))
    config = replace(config, run=replace(config.run, precision="fp32"))
    torch.manual_seed(0)
    model = HyperLipsHR(config)
    return HyperLipsHRTrainer(config, model, run=RunFolder.create(config), device=torch.device("cpu"), parts=parts)


def batch_of(side: int, count: int = 2) -> Batch:
    masks = torch.zeros(count, 1, side, side)
    masks[..., side // 2 : side * 3 // 4, side // 4 : side * 3 // 4] = 1
    sketch = (images(3, count, 1, 128, 128) > 0.7).float().expand(-1, 3, -1, -1)
    return {
        GT_IMG: images(1, count, 3, side, side), GT_MASK: masks, GT_SKETCH: masks.expand(-1, 3, -1, -1),
        HYPER_IMG: images(2, count, 3, 128, 128), HYPER_SKETCH: sketch,
    }  # fmt: skip


def random_backbones() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    heads = [torch.rand(width) for width in LPIPS_WIDTHS]
    return {"vgg": VggContent(make_features("vgg19")), "lip_lpips": Lpips(make_features("vgg16"), heads)}


def test_the_published_losses(tmp_path: Path):
    wanted = json.loads(GOLDEN.read_text())["trajectory"]["rescaling1_in128"]
    discriminator = fill(HRDecoder_disc_qual(), 1.41)
    trainer = trainer_of(
        tmp_path, {"discriminator": discriminator}, perceptual="none", relativistic_on="probabilities", adam_beta1=0.5
    )
    fill(trainer.model.decoder, 1.3)
    trainer.model.train()
    face, masks = images(71, 4, 6, 128, 128), torch.zeros(4, 1, 128, 128)
    for k, (a, b, c, d) in enumerate(BOXES):
        masks[k, 0, a : b + 1, c : d + 1] = 1
    batch = {HYPER_IMG: face[:, :3], HYPER_SKETCH: face[:, 3:], GT_IMG: images(72, 4, 3, 128, 128), GT_MASK: masks}
    names = {
        "adversarial": "adv",
        "l1": "content",
        "lip_l1": "lip_l1",
        "loss": "total_without_vgg_lpips",
        "disc": "disc",
    }
    for step, golden in enumerate(wanted[:2]):
        losses = {names.get(name, name): value.item() for name, value in trainer.train_step(batch).items()}
        assert losses == pytest.approx(golden, abs=1e-2 if step else 1e-5)


def test_every_term_counts_and_only_decoder_and_discriminator_learn(tmp_path: Path):
    trainer = trainer_of(tmp_path, random_backbones(), img_size=128, learning_rate=1e-3)
    before = {key: value.clone() for key, value in trainer.model.state_dict().items()}
    before_step = {key: value.clone() for key, value in trainer.adversary.network.state_dict().items()}
    trainer.model.train()
    losses = trainer.train_step(batch_of(128))
    terms = {"l1", "lip_l1", "vgg", "lip_lpips", "adversarial"}
    assert set(losses) == {"loss", "disc", *terms}
    assert losses["loss"].item() == pytest.approx(sum(losses[name].item() for name in terms), rel=1e-5)
    after = trainer.model.state_dict()
    changed = {key.split(".")[0] for key in after if not after[key].equal(before[key])}
    assert changed == {"decoder"}
    assert any(not value.equal(before_step[key]) for key, value in trainer.adversary.network.state_dict().items())
    assert all(weight.grad is None for net in trainer.perceptual.values() for weight in net.parameters())
    values = trainer.valid_step(batch_of(128))
    pictures = {f"{whose}{name}" for whose in ("", "first_") for name in ("psnr", "psnr_mouth", "ssim", "ssim_mouth")}
    assert set(values) == {"loss", "l1", "lip_l1", "vgg", "lip_lpips", "best_detail", *pictures}


def test_losses_fall(tmp_path: Path):
    trainer = trainer_of(tmp_path, perceptual="none", adversarial_weight=0.0, learning_rate=5e-3)
    trainer.model.train()
    batch = batch_of(128)
    batch[GT_IMG] = batch[HYPER_IMG]
    losses = [trainer.train_step(batch)["loss"].item() for _ in range(8)]
    assert losses[-1] < 0.7 * losses[0] and "discriminator" not in trainer.state()


@pytest.mark.slow
def test_the_best_detail_is_nearer_to_the_real_faces_than_any_other():
    first, drawn = images(1, 3, 3, 32, 32), images(2, 3, 3, 32, 32)
    real = first + 0.4 * (drawn - first) + 0.1 * (images(3, 3, 3, 32, 32) - 0.5)
    found = float(best_detail(first, drawn, real))

    def mean_psnr(share: float) -> float:
        return float(-(first + share * (drawn - first) - real).square().flatten(1).mean(1).log().mean())

    assert found == pytest.approx(0.4, abs=0.02)
    assert all(mean_psnr(found) > mean_psnr(found + step) for step in (-0.05, 0.05))
    assert best_detail(first, drawn, first - drawn) == 0 and best_detail(first, drawn, drawn) == 1
    parts = [detail_sums(first[k : k + 1], drawn[k : k + 1], real[k : k + 1]) for k in range(3)]
    means = {name: float(torch.stack([part[name] for part in parts]).mean()) for name in parts[0]}
    assert best_share(means) == pytest.approx(found, rel=1e-5)
    assert best_share({}) == 0, "nothing to learn from: the base face"


class BaseFaces:
    """Validation samples whose real faces differ from the base faces by `lean` times a pattern, and by noise."""

    def __init__(self, leans: list[float]) -> None:
        self.base, self.noise = images(11, len(leans), 3, 128, 128), images(12, len(leans), 3, 128, 128) - 0.5
        self.base = 0.3 + 0.4 * self.base
        pattern = 0.2 * (images(13, 3, 128, 128) - 0.5)
        self.real = self.base + torch.tensor(leans)[:, None, None, None] * pattern + 0.02 * self.noise

    def __len__(self) -> int:
        return len(self.base)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        lines = np.zeros((1, 128, 128), np.uint8)
        return {
            GT_IMG: (self.real[index] * 255).round().byte().numpy(), GT_MASK: lines, GT_SKETCH: lines,
            HYPER_IMG: (self.base[index] * 255).round().byte().numpy(), HYPER_SKETCH: lines,
        }  # fmt: skip


def decoding(folder: Path, added: Any) -> HyperLipsHRTrainer:
    """A trainer whose decoder adds `added(base)` to the base faces, and that draws the share of it that fits best."""
    trainer = trainer_of(
        folder, adversarial_weight=0.0, perceptual="none", detail=None, evaluate_batch_size=2, valid_batches=4
    )
    trainer.network.decode = lambda batch: batch[HYPER_IMG] + added(batch[HYPER_IMG])  # type: ignore[method-assign]
    return trainer


def test_a_share_is_scored_on_samples_that_it_was_not_fitted_to(tmp_path: Path):
    """What the decoder adds is right in the first half of the samples and wrong in the second."""
    pattern = 0.2 * (images(13, 3, 128, 128) - 0.5)
    data = BaseFaces([0.8] * 4 + [-0.8] * 4)
    values = decoding(tmp_path, lambda base: pattern).validate(data)
    # fitted where they are scored, shares of 0.8 and 0 would make every sample as good as the base face or better
    wanted = [psnr_of(data, k, share=share, pattern=pattern) for k in range(8) for share in [0.0 if k < 4 else 0.8]]
    assert values["psnr"] == pytest.approx(np.mean(wanted), abs=0.05)
    assert values["psnr"] < values["first_psnr"] - 1
    assert values["best_detail"] == pytest.approx(0, abs=0.05), "the one that is kept is that of all samples"


def psnr_of(data: BaseFaces, k: int, *, share: float, pattern: torch.Tensor) -> float:
    drawn = ((data.base[k] + share * pattern).clamp(0, 1) * 255).round().numpy()
    real = (data.real[k] * 255).round().numpy()
    return float(peak_signal_noise_ratio(real, drawn, data_range=255))


def test_a_decoder_of_noise_is_worse_than_the_base_faces(tmp_path: Path):
    """Noise that by chance is like the errors of some faces: a share fitted to those is no use for the others."""
    data = BaseFaces([0.0] * 2)
    noise = {round(float(data[k][HYPER_IMG].sum())): data.noise[k] for k in (0,)}

    def added(base: torch.Tensor) -> torch.Tensor:
        known = [noise.get(round(float((face * 255).round().sum()))) for face in base]
        return torch.stack([images(14, 3, 128, 128) - 0.5 if one is None else one for one in known])

    trainer = decoding(tmp_path, added)
    values = trainer.validate(data)
    assert values["psnr"] < values["first_psnr"]
    assert values == trainer.validate(data), "the same each time"
    before = float(trainer.network.best_detail)
    trainer.after_validation(values)
    assert before == 1 and float(trainer.network.best_detail) == pytest.approx(values["best_detail"])


def test_one_sample_has_no_other_half(tmp_path: Path):
    values = decoding(tmp_path, lambda base: torch.full_like(base, 0.1)).validate(BaseFaces([0.5]))
    assert values["psnr"] == values["first_psnr"]


def test_the_share_of_the_last_validation_is_kept_with_the_weights(tmp_path: Path):
    trainer = trainer_of(tmp_path, adversarial_weight=0.0, perceptual="none", detail=None)
    trainer.after_validation({"loss": 1.0, "best_detail": 0.25})
    assert trainer.model.state_dict()["best_detail"] == 0.25
    batch = batch_of(128)
    trainer.model.eval()
    drawn = trainer.network.decode(batch)
    torch.testing.assert_close(trainer.model.predict(batch), 0.75 * batch[HYPER_IMG] + 0.25 * drawn)


def test_512_takes_steps(tmp_path: Path):
    trainer = trainer_of(tmp_path, img_size=512, perceptual="none")
    trainer.model.train()
    for _ in range(2):
        losses = trainer.train_step(batch_of(512, count=1))
    assert all(torch.isfinite(value) for value in losses.values())
    assert trainer.sample(batch_of(512, count=1)).shape == (512, 4 * 512, 3)
    assert trainer.sample_columns == ("base", "sketch", "generated", "real")


def test_the_discriminator_can_join_late(tmp_path: Path):
    trainer = trainer_of(tmp_path, perceptual="none", disc_start_step=1)
    trainer.model.train()
    assert "adversarial" not in trainer.train_step(batch_of(128))
    trainer.progress.step = 1
    assert {"adversarial", "disc"} <= set(trainer.train_step(batch_of(128)))
    assert {"discriminator", "discriminator_optimizer"} <= set(trainer.state())


def test_statistics_stand_still_from_their_step_on(tmp_path: Path):
    trainer = trainer_of(
        tmp_path, perceptual="none", adversarial_weight=0.0, norm_freeze_step=1, patch_size=64, l2_weight=1.0
    )
    trainer.model.train()
    seen = []
    for step in range(3):
        trainer.progress.step = step
        assert {"l1", "l2", "lip_l1"} <= set(trainer.train_step(batch_of(128)))
        trainer.model.train()  # as after a validation
        seen.append({key: value.clone() for key, value in trainer.model.state_dict().items() if "running" in key})
    assert all(seen[1][key].equal(seen[0][key]) and seen[2][key].equal(seen[0][key]) for key in seen[0])


def test_missing_weights_are_told_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    config = tiny_config(tmp_path, model=HyperLipsHRConfig())
    config = replace(config, run=replace(config.run, checkpoints_dir=str(tmp_path)))
    with pytest.raises(MissingWeightsError, match="perceptual=none"):
        HyperLipsHRTrainer.check(config)
    HyperLipsHRTrainer.check(replace(config, model=HyperLipsHRConfig(perceptual="none")))
    HyperLipsHRTrainer.check(replace(config, model=HyperLipsHRConfig(vgg_weight=0, lip_lpips_weight=0)))


def test_weights_and_sizes():
    assert full_weights(HyperLipsHRConfig(perceptual="none")) == {"l1": 1, "lip_l1": 1, "adversarial": 1}
    assert "lip_l1" not in full_weights(HyperLipsHRConfig(lip_l1_weight=0))
    assert [lip_size(side) for side in (128, 256, 512)] == [(48, 64), (96, 128), (192, 256)]
