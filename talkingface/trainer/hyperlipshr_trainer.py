"""Training of HyperLipsHR's decoder (arXiv 2310.05720, section 3.3): five losses on whole faces and on the lips."""

# B batch, S side of the faces that are drawn

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from talkingface.batch import GT_IMG, GT_MASK, HYPER_IMG, HYPER_SKETCH, Batch
from talkingface.config.schema import Config, ModelConfig
from talkingface.model.audio_driven_talkingface.hyperlipshr import HRDecoder_disc_qual, HyperLipsHR, enlarge
from talkingface.model.audio_driven_talkingface.hyperlipshr_config import HyperLipsHRConfig
from talkingface.model.checkpoint import Stateful
from talkingface.model.losses import (
    cut_lips,
    gradient_loss,
    l1_loss,
    l2_loss,
    lip_boxes,
    lip_l1,
    relativistic_loss,
    weighted_sum,
)
from talkingface.model.losses.perceptual import PERCEPTUAL, load_perceptual, perceptual_files
from talkingface.trainer.adversary import Adversary, make_discriminator, r1_losses, sum_of
from talkingface.trainer.detail import best_detail, best_share, detail_sums
from talkingface.trainer.samples import Image, picture_grid
from talkingface.trainer.trainer import Trainer
from talkingface.trainer.validation import in_halves, join_means, mean_values, picture_values


class HyperLipsHRTrainer(Trainer):
    """Pixels, a relativistic discriminator, VGG19's features; on the lips pixels and LPIPS. Weight 0 leaves one out.

    What the published code does otherwise, and how to have it back:

    - its discriminator ends in a Sigmoid, and the loss applies another: see the key `relativistic_on`;
    - VGG and LPIPS are shown BGR in [0, 1]: see perceptual.py (`perceptual_input`);
    - all its networks are made anew for each batch, so that nothing is trained: here they are made once;
    - lips are cut and compared sample by sample at their own sizes: here all at one size, in one call.

    Args:
        parts: `discriminator`, `vgg` and `lip_lpips`, if not new ones or those of the weights files.

    Raises:
        MissingWeightsError: `perceptual` is vgg and a file of weights is not there.
    """

    def set_up(self) -> None:
        self.weights = cast(HyperLipsHRConfig, self.recipe)
        self.full_weights = full_weights(self.weights)
        places = self.config.run.checkpoints_dir
        self.perceptual = {
            name: self.part(name, partial(load_perceptual, name, self.weights, places))
            for name in self.full_weights
            if name in PERCEPTUAL
        }
        if "adversarial" in self.full_weights:
            self.adversary = Adversary.of(self.part("discriminator", HRDecoder_disc_qual), self.weights)

    @classmethod
    def new_parts(cls, recipe: ModelConfig) -> dict[str, Callable[[], nn.Module]]:
        weights = cast(HyperLipsHRConfig, recipe)
        if "adversarial" not in full_weights(weights):
            return {}
        return {"discriminator": partial(make_discriminator, HRDecoder_disc_qual, weights)}

    @classmethod
    def check(cls, config: Config) -> None:
        """Look for the files of pretrained weights."""
        recipe = cast(HyperLipsHRConfig, config.model)
        for name in full_weights(recipe):
            if name in PERCEPTUAL:
                perceptual_files(name, recipe, config.run.checkpoints_dir)

    def train_step(self, batch: Batch) -> dict[str, Tensor]:
        weights = self.weights_at(self.progress.step)
        self._keep_statistics()
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
        if "gradient" in weights:
            losses["gradient"] = gradient_loss(fake, real)
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
                discriminator = self.adversary.frozen()
                with torch.no_grad():
                    of_real = self.verdict(discriminator, real)
                losses["adversarial"] = relativistic_loss(of_real, self.verdict(discriminator, fake), real_is=0)
        return losses

    def discriminator_step(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """One step of the discriminator on real and generated faces, (B, 3, S, S) without gradient."""
        discriminator = self.adversary.learning()
        with self.autocast():
            losses = {
                "disc": relativistic_loss(
                    self.verdict(discriminator, real), self.verdict(discriminator, fake), real_is=1
                )
            }
        losses |= r1_losses(discriminator, real, self.weights, self.progress.step)
        self.optimize(self.adversary.optimizer, sum_of(losses))
        return losses

    def verdict(self, discriminator: nn.Module, faces: Tensor) -> Tensor:
        """(B, 1): what of the discriminator's the relativistic loss compares."""
        network = cast(HRDecoder_disc_qual, discriminator)
        verdict: Tensor = network.logits(faces) if self.weights.relativistic_on == "logits" else network(faces)
        return verdict

    def validate(self, dataset: Any) -> dict[str, float]:
        """With `detail: none` each half of the samples is drawn with the share that is best on the other half.

        A share is a number fitted to real faces: where it is fitted to those that it is scored on, no decoder can look
        worse than the base face. `best_detail`, which goes with the weights, is that of all samples.
        """
        if self.weights.detail is not None:
            return super().validate(dataset)
        halves = in_halves(self.validation_batches(dataset))
        counts = [sum(map(len, half)) for half in halves]
        with self.validating():
            sums = [mean_values(self._detail_sums, dataset, half, device=self.device) for half in halves]
            scores = []
            for half, of_other in zip(halves, reversed(sums), strict=True):
                values_of = partial(self.valid_step, detail=best_share(of_other))
                scores.append(mean_values(values_of, dataset, half, device=self.device))
        return join_means(scores, counts) | {"best_detail": best_share(join_means(sums, counts))}

    def valid_step(self, batch: Batch, *, detail: float | None = None) -> dict[str, Tensor]:
        """All but the discriminator, whose verdict changes as it learns, with their full weights at any step.

        Losses are the decoder's; `best_detail` is the share of its changes that is nearest to the real faces. Picture
        values are of the faces as they are drawn, with `detail` or else the model's own share of it, and as
        `first_...` of the base faces enlarged.
        """
        if detail is None:
            detail = float(self.network.best_detail) if self.weights.detail is None else self.weights.detail
        weights = {name: weight for name, weight in self.full_weights.items() if name != "adversarial"}
        base, decoded, real = self._validation_faces(batch)
        losses = self.generator_losses(batch, decoded, weights)
        drawn = torch.lerp(base, decoded.float(), detail)
        values = picture_values(drawn[:, :, None], real[:, :, None])
        values |= {f"first_{name}": one for name, one in picture_values(base[:, :, None], real[:, :, None]).items()}
        share = best_detail(base, decoded.float(), real)
        return {"loss": weighted_sum(losses, weights), **losses, "best_detail": share, **values}

    def _detail_sums(self, batch: Batch) -> dict[str, Tensor]:
        base, decoded, real = self._validation_faces(batch)
        return detail_sums(base, decoded.float(), real)

    def _validation_faces(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Enlarged base, decoded and real faces, (B, 3, S, S) each."""
        with self.autocast():
            decoded = self.network.decode(batch)
        return enlarge(batch[HYPER_IMG], decoded.shape[-1]), decoded, batch[GT_IMG]

    def after_validation(self, metrics: Mapping[str, float]) -> None:
        """Keep the share of detail with the weights, see the configuration's `detail`."""
        self.network.best_detail.fill_(metrics["best_detail"])

    @property
    def network(self) -> HyperLipsHR:
        """The model, by its type."""
        return cast(HyperLipsHR, self.model)

    def weights_at(self, step: int) -> dict[str, float]:
        """Weights of the losses that count at a step; the others are not computed."""
        early = step < self.weights.disc_start_step
        return {name: weight for name, weight in self.full_weights.items() if not (early and name == "adversarial")}

    sample_columns = ("base", "sketch", "generated", "real")

    def sample(self, batch: Batch) -> Image:
        with self.autocast():
            fake = self.model.predict(batch)
        return picture_grid([batch[HYPER_IMG], batch[HYPER_SKETCH], fake, batch[GT_IMG]])

    def _keep_statistics(self) -> None:
        """From `norm_freeze_step` on, batch normalisation is what it will be after training."""
        start = self.weights.norm_freeze_step
        if start is not None and self.progress.step >= start:
            for layer in self.model.modules():
                if isinstance(layer, _BatchNorm):
                    layer.eval()

    def state(self) -> dict[str, Stateful]:
        return super().state() | (self.adversary.state() if "adversarial" in self.full_weights else {})


def full_weights(recipe: HyperLipsHRConfig) -> dict[str, float]:
    """Weights of the losses of a recipe; those of weight 0, and without VGG those that look through it, are absent."""
    every = {
        "l1": recipe.l1_weight,
        "l2": recipe.l2_weight,
        "gradient": recipe.gradient_weight,
        "lip_l1": recipe.lip_l1_weight,
        "vgg": recipe.vgg_weight,
        "lip_lpips": recipe.lip_lpips_weight,
        "adversarial": recipe.adversarial_weight,
    }
    blind = PERCEPTUAL if recipe.perceptual == "none" else ()
    return {name: weight for name, weight in every.items() if weight > 0 and name not in blind}


def lip_size(side: int) -> tuple[int, int]:
    """Height and width at which lips are compared: about their own in such a face, and enough for VGG's strides."""
    return side * 3 // 8, side // 2
