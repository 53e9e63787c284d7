"""Training of HyperLipsHR's decoder (arXiv 2310.05720, section 3.3): five losses on whole faces and on the lips.

Patches of a training batch of the second stage.
"""

# B batch, S side of the faces

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from talkingface.batch import GT_IMG, GT_MASK, HYPER_IMG, HYPER_SKETCH, Batch
from talkingface.config.schema import Config
from talkingface.model.audio_driven_talkingface.hyperlipshr import HRDecoder_disc_qual, HyperLipsHR, enlarge
from talkingface.model.audio_driven_talkingface.hyperlipshr_config import HyperLipsHRConfig
from talkingface.model.base import AbstractTalkingFace
from talkingface.model.checkpoint import Stateful
from talkingface.model.losses import cut_lips, l1_loss, l2_loss, lip_boxes, lip_l1, relativistic_loss, weighted_sum
from talkingface.trainer.generator_trainer import Adversary
from talkingface.trainer.perceptual_parts import PERCEPTUAL, load_part, weights_files
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.samples import Image, picture_grid
from talkingface.trainer.trainer import Trainer
from talkingface.trainer.validation import picture_values


class HyperLipsHRTrainer(Trainer):
    """Pixels, a relativistic discriminator, VGG19's features; on the lips pixels and LPIPS. Weight 0 leaves one out.

    What the published code does otherwise, and how to have it back:

    - its discriminator ends in a Sigmoid, and the loss applies another: see relativistic.py (`relativistic_on`);
    - VGG and LPIPS are shown BGR in [0, 1]: see perceptual.py (`perceptual_input`);
    - all its networks are made anew for each batch, so that nothing is trained: here they are made once;
    - lips are cut and judged sample by sample at their own sizes: here all at one size, in one call.

    Args:
        parts: `discriminator`, `vgg` and `lip_lpips`, if not new ones or those of the weights files.

    Raises:
        MissingWeightsError: `perceptual` is vgg and a file of weights is not there.
    """

    def __init__(
        self,
        config: Config,
        model: AbstractTalkingFace,
        *,
        run: RunFolder,
        device: torch.device,
        parts: Mapping[str, nn.Module] | None = None,
    ) -> None:
        super().__init__(config, model, run=run, device=device, parts=parts)
        self.weights = cast(HyperLipsHRConfig, config.model)
        self.full_weights = full_weights(self.weights)
        self.perceptual = self._perceptual(config.run.checkpoints_dir)
        if "adversarial" in self.full_weights:
            discriminator = self.parts.get("discriminator") or self.place(HRDecoder_disc_qual())
            self.adversary = Adversary.of(discriminator, self.weights)

    @classmethod
    def check(cls, config: Config) -> None:
        """Look for the files of pretrained weights."""
        recipe = cast(HyperLipsHRConfig, config.model)
        weights_files(recipe, full_weights(recipe), config.run.checkpoints_dir)

    def train_step(self, batch: Batch) -> dict[str, Tensor]:
        weights = self.weights_at(self.progress.step)
        self._keep_statistics()
        if self.weights.patch_size is not None:
            batch = cut_patch(batch, self.weights.patch_size)
        with self.autocast():
            fake = self.model.infer(batch)
        losses = self.generator_losses(batch, fake, weights)
        total = weighted_sum(losses, weights)
        self.optimize(self.optimizer, total)
        if "adversarial" in weights:
            losses |= self.discriminator_step(batch[GT_IMG], fake.detach())
        return {"loss": total, **losses}

    def generator_losses(self, batch: Batch, fake: Tensor, weights: Mapping[str, float]) -> dict[str, Tensor]:
        """The losses that have a weight; fake: (B, 3, S, S) in [0, 1]."""
        real, boxes = batch[GT_IMG], lip_boxes(batch[GT_MASK])
        losses: dict[str, Tensor] = {}
        if "l1" in weights:
            losses["l1"] = l1_loss(fake, real)
        if "l2" in weights:
            losses["l2"] = l2_loss(fake, real)
        if "lip_l1" in weights:
            losses["lip_l1"] = lip_l1(fake, real, boxes)
        with self.autocast():
            if "vgg" in weights:
                losses["vgg"] = self.perceptual["vgg"](fake, real)
            if "lip_lpips" in weights:
                size = lip_size(real.shape[-1])
                losses["lip_lpips"] = self.perceptual["lip_lpips"](
                    cut_lips(fake, boxes, size), cut_lips(real, boxes, size)
                )
            if "adversarial" in weights:
                judge = self.adversary.judging()
                with torch.no_grad():
                    of_real = self.verdict(judge, real)
                losses["adversarial"] = relativistic_loss(of_real, self.verdict(judge, fake), real_is=0)
        return losses

    def discriminator_step(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """One step of the discriminator on real and generated faces, (B, 3, S, S) without gradient."""
        judge = self.adversary.learning()
        with self.autocast():
            loss = relativistic_loss(self.verdict(judge, real), self.verdict(judge, fake), real_is=1)
        self.optimize(self.adversary.optimizer, loss)
        return {"disc": loss}

    def verdict(self, judge: nn.Module, faces: Tensor) -> Tensor:
        """(B, 1): what of the discriminator's the relativistic loss compares."""
        judged = cast(HRDecoder_disc_qual, judge)
        verdict: Tensor = judged.logits(faces) if self.weights.relativistic_on == "logits" else judged(faces)
        return verdict

    def valid_step(self, batch: Batch) -> dict[str, Tensor]:
        """All but the discriminator, whose verdict changes as it learns, with their full weights at any step.

        Losses are the decoder's; `best_detail` is the share of its changes that is nearest to the real faces. Picture
        values are of the faces as they are drawn, and as `first_...` of the base faces enlarged.
        """
        weights = {name: weight for name, weight in self.full_weights.items() if name != "adversarial"}
        with self.autocast():
            fake = self.network.decode(batch)
        losses = self.generator_losses(batch, fake, weights)
        first, real = enlarge(batch[HYPER_IMG], fake.shape[-1]), batch[GT_IMG]
        share = best_detail(first, fake.float(), real)
        drawn = torch.lerp(first, fake.float(), share if self.weights.detail is None else self.weights.detail)
        values = picture_values(drawn[:, :, None], real[:, :, None])
        values |= {f"first_{name}": one for name, one in picture_values(first[:, :, None], real[:, :, None]).items()}
        return {"loss": weighted_sum(losses, weights), **losses, "best_detail": share, **values}

    def after_validation(self, metrics: Mapping[str, float]) -> None:
        """Keep the share with the weights, see the configuration's `detail`."""
        self.network.best_detail.fill_(metrics["best_detail"])

    @property
    def network(self) -> HyperLipsHR:
        """The model, by its type."""
        return cast(HyperLipsHR, self.model)

    def weights_at(self, step: int) -> dict[str, float]:
        """Weights of the losses that count at a step; the others are not computed."""
        early = step < self.weights.disc_start_step
        return {name: weight for name, weight in self.full_weights.items() if not (early and name == "adversarial")}

    def sample(self, batch: Batch) -> Image:
        """One row a sample: base face, sketch, generated, real."""
        with self.autocast():
            fake = self.model.predict(batch)
        return picture_grid([batch[HYPER_IMG], batch[HYPER_SKETCH], fake, batch[GT_IMG]])

    def _keep_statistics(self) -> None:
        """From `norm_freeze_step` on, batch normalisation is what it will be after training."""
        start = self.weights.norm_freeze_step
        if start is not None and self.progress.step >= start:
            for layer in self.model.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.eval()

    def state(self) -> dict[str, Stateful]:
        return super().state() | (self.adversary.state() if "adversarial" in self.full_weights else {})

    def _perceptual(self, checkpoints_dir: str) -> dict[str, nn.Module]:
        """The networks of `PERCEPTUAL` losses that have a weight: as given, else with the weights of their files."""
        raw = self.weights.perceptual_input == "raw"
        wanted = {name: weight for name, weight in self.full_weights.items() if name in PERCEPTUAL}
        given = {name: self.parts[name] for name in wanted if name in self.parts}
        absent = {name: weight for name, weight in wanted.items() if name not in given}
        files = weights_files(self.weights, absent, checkpoints_dir)
        return given | {name: self.place(load_part(name, files[name], as_published=raw)) for name in absent}


def best_detail(first: Tensor, drawn: Tensor, real: Tensor) -> Tensor:
    """The share of `drawn - first` which, added to `first`, gives the best mean PSNR against `real`: 0 to 1.

    Args:
        first: (B, 3, S, S) faces before the decoder, enlarged.
        drawn: (B, 3, S, S) the decoder's.
        real: (B, 3, S, S).

    Returns:
        () scalar: least squares, each face weighted by its own error, as the mean of logarithms asks for.
    """
    added, missing = (drawn - first).flatten(1), (real - first).flatten(1)
    weight = 1 / missing.square().mean(1).clamp_min(1e-6)
    along, length = (added * missing).mean(1), added.square().mean(1)
    return ((weight * along).sum() / (weight * length).sum().clamp_min(1e-9)).clamp(0, 1)


def full_weights(recipe: HyperLipsHRConfig) -> dict[str, float]:
    """Weights of the losses of a recipe; those of weight 0, and without VGG those that look through it, are absent."""
    every = {
        "l1": recipe.l1_weight,
        "l2": recipe.l2_weight,
        "lip_l1": recipe.lip_l1_weight,
        "vgg": recipe.vgg_weight,
        "lip_lpips": recipe.lip_lpips_weight,
        "adversarial": recipe.adversarial_weight,
    }
    blind = PERCEPTUAL if recipe.perceptual == "none" else ()
    return {name: weight for name, weight in every.items() if weight > 0 and name not in blind}


def lip_size(side: int) -> tuple[int, int]:
    """Height and width at which lips are judged: about their own in such a face, and enough for VGG's strides."""
    return side * 3 // 8, side // 2


def cut_patch(batch: Batch, side: int) -> Batch:
    """The same random patch of all pictures of a batch: `side` pixels of base faces, as much of the real ones.

    Where a patch has no lips, lip losses look at all of it.
    """
    size = batch[HYPER_IMG].shape[-1]
    top, left = (int(torch.randint(size - side + 1, ())) for _ in range(2))
    patch: Batch = {}
    for key, pictures in batch.items():
        scale = pictures.shape[-1] // size
        patch[key] = pictures[..., top * scale : (top + side) * scale, left * scale : (left + side) * scale]
    return patch
