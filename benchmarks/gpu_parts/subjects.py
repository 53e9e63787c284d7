"""What is measured: a model's recipe as published, on random samples."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.gpu_parts.stand_ins import small_networks
from talkingface import catalog
from talkingface.batch import (
    FACE_WINDOW,
    GT,
    GT_IMG,
    GT_MASK,
    GT_SKETCH,
    HYPER_IMG,
    HYPER_SIZE,
    HYPER_SKETCH,
    IN_SYNC,
    INDIV_MELS,
    INPUT_FRAMES,
    MELS,
    Batch,
    mask_lower_half,
)
from talkingface.catalog.resolve import resolve
from talkingface.config.loader import Overrides
from talkingface.config.schema import Config
from talkingface.model.base import AbstractTalkingFace
from talkingface.model.trained import build_network
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.trainer import Trainer

TINY: dict[str, dict[str, Any]] = {"HyperLipsHR": {"perceptual": "none"}, "HyperLipsBase": {"img_size": 32}}
"""Keys of recipes of stand-ins."""
MODELS = ("HyperLipsBase", "HyperLipsHR", "Wav2Lip", "Wav2LipGAN", "SyncNet", "SyncNetWav2Lip")


def recipe_of(model: str, folder: Path, **flags: Any) -> Config:
    """A model's published recipe with some keys changed; the sync expert counts from the first step."""
    texts = {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in flags.items()}
    texts |= {"saved_dir": str(folder / "saved"), "log_dir": str(folder / "log"), "show_progress": "false"}
    if model == "HyperLipsHR" and not _has_torchvision():
        texts["perceptual"] = "none"
    config = resolve(model, "demo", Overrides(profile="none", flags=texts)).config
    if getattr(config.model, "sync_threshold", None) is not None:
        config = replace(config, model=replace(config.model, sync_threshold=None))  # type: ignore[call-arg]
    return config


def _has_torchvision() -> bool:
    try:
        import torchvision  # noqa: F401
    except ImportError:
        return False
    return True


@dataclass
class Subject:
    """A model, its expert and discriminator and a batch, made once and trained by one trainer after another."""

    model: str
    config: Config
    device: torch.device
    folder: Path
    network: AbstractTalkingFace
    parts: dict[str, nn.Module]
    batch: Batch
    options: dict[str, Any] = field(default_factory=dict)
    known: dict[str, float] = field(default_factory=dict)
    """What has been counted once, by name."""

    @classmethod
    def make(cls, model: str, device: torch.device, folder: Path, *, tiny: bool, **options: Any) -> Subject:
        """With fresh weights; `tiny` takes stand-ins and as few samples as there can be."""
        torch.manual_seed(0)
        if tiny:
            options |= {"train_batch_size": 2} | TINY.get(model, {})
        config = recipe_of(model, folder, **options)
        if tiny:
            network, parts = small_networks(model, config)
        else:
            network, parts = build_network(catalog.model_row(model), config), _parts(model, config)
        return cls(model, config, device, folder, network, parts, random_batch(model, config, device), options)

    @property
    def samples(self) -> int:
        """Of a step."""
        return self.config.model.train_batch_size

    def trainer(self, **run: Any) -> Trainer:
        """A training of its own, whose run keys (precision, compile, ...) are as given."""
        config = recipe_of(self.model, self.folder, device=self.device.type, **self.options, **run)
        make = catalog.load(catalog.model_row(self.model).trainer)
        trainer: Trainer = make(
            config, self.network, run=RunFolder.create(config), device=self.device, parts=dict(self.parts)
        )
        trainer.model.train()
        return trainer


def _parts(model: str, config: Config) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for need in catalog.model_row(model).needs:
        if not need.inside and getattr(config.model, str(need.when), 0):
            needed = resolve(need.model, "demo", Overrides(profile="none")).config
            parts[need.part] = build_network(catalog.model_row(need.model), needed)
    if getattr(config.model, "perceptual", "none") == "vgg":
        from talkingface.model.losses.perceptual import LPIPS_WIDTHS, Lpips, VggContent, make_features

        parts["vgg"] = VggContent(make_features("vgg19"))
        parts["lip_lpips"] = Lpips(make_features("vgg16"), [torch.rand(width) for width in LPIPS_WIDTHS])
    return parts


def random_batch(model: str, config: Config, device: torch.device) -> Batch:
    """Network input of one step."""
    count, frames, side = config.model.train_batch_size, config.model.num_frames, config.model.img_size

    def uniform(*shape: int) -> Tensor:
        return torch.rand(count, *shape, device=device)

    mels = torch.randn(count, frames, 1, 80, 16, device=device)
    if model == "HyperLipsHR":
        mask = torch.zeros(count, 1, side, side, device=device)
        mask[..., side * 5 // 8 : side * 7 // 8, side // 4 : side * 3 // 4] = 1
        return {
            GT_IMG: uniform(3, side, side), GT_MASK: mask, GT_SKETCH: uniform(3, side, side),
            HYPER_IMG: uniform(3, HYPER_SIZE, HYPER_SIZE), HYPER_SKETCH: uniform(3, HYPER_SIZE, HYPER_SIZE),
        }  # fmt: skip
    if model.startswith("SyncNet"):
        in_sync = (uniform(1) > 0.5).float()
        size = (48, 96) if model == "SyncNetWav2Lip" else (64, 128)
        return {FACE_WINDOW: uniform(3 * frames, *size), MELS: mels[:, 0], IN_SYNC: in_sync}
    gt = uniform(3, frames, side, side)
    faces = torch.cat([mask_lower_half(gt), uniform(3, frames, side, side)], dim=1)
    return {GT: gt, INPUT_FRAMES: faces, INDIV_MELS: mels, MELS: mels[:, 0]}
