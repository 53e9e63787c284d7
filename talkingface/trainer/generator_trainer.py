"""Training of a generator: pixels, a frozen lip-sync expert and a discriminator, each with its weight."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar, cast

from torch import Tensor, nn

from talkingface.batch import GT, MELS, Batch
from talkingface.config.schema import ConfigError, ModelConfig
from talkingface.model.audio_driven_talkingface.generator_config import GeneratorConfig
from talkingface.model.audio_driven_talkingface.syncnet import SyncNet_color
from talkingface.model.checkpoint import Stateful
from talkingface.model.losses import adversarial_loss, discriminator_losses, gradient_loss, l1_loss, weighted_sum
from talkingface.trainer.adversary import Adversary, OnePass, make_discriminator, r1_losses, sum_of
from talkingface.trainer.trainer import Module, Trainer
from talkingface.trainer.validation import picture_values


class GeneratorTrainer(Trainer):
    """What has weight 0 is neither needed nor computed. A recipe says which discriminator, and what L1 weighs.

    Args:
        parts: `expert`, the trained sync expert, where `sync_weight` is above 0; `discriminator`, if not a new one.

    Raises:
        ConfigError: the expert is needed and was not given, or looks at windows of another length.
    """

    new_discriminator: ClassVar[type[nn.Module]]

    def set_up(self) -> None:
        self.weights = cast(GeneratorConfig, self.recipe)
        if self.weights.sync_weight > 0:
            self.expert = freeze(self._require_expert())
        if self.weights.adversarial_weight > 0:
            self.adversary = Adversary.of(self.part("discriminator", self.new_discriminator), self.weights)

    @classmethod
    def new_parts(cls, recipe: ModelConfig) -> dict[str, Callable[[], nn.Module]]:
        weights = cast(GeneratorConfig, recipe)
        if weights.adversarial_weight == 0:
            return {}
        return {"discriminator": partial(make_discriminator, cls.new_discriminator, weights)}

    @abstractmethod
    def l1_weight(self, others: Mapping[str, float]) -> float:
        """Weight of L1 beside `others`, the weights that count now."""

    def sync_counts(self, step: int) -> bool:
        """Whether the expert's loss counts at a step, where it has a weight."""
        return step >= self.weights.sync_start_step

    def train_step(self, batch: Batch) -> dict[str, Tensor]:
        weights = self.weights_at(self.progress.step)
        with self.autocast():
            fake = self.model.infer(batch)
        judged = self.judge_once(batch[GT], fake) if "adversarial" in weights else {}
        losses = self.generator_losses(batch, fake, weights, adversarial=judged.pop("adversarial", None))
        total = weighted_sum(losses, weights)
        self.optimize(self.optimizer, total)
        if "adversarial" in weights:
            losses |= judged or self.discriminator_step(batch[GT], fake.detach())
        return {"loss": total, **losses}

    def generator_losses(
        self, batch: Batch, fake: Tensor, weights: Mapping[str, float], *, adversarial: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The losses that have a weight; fake: (B, 3, T, H, W) in [0, 1]; `adversarial` where it is known already."""
        losses = {"l1": l1_loss(fake, batch[GT], mouth_weight=self.weights.mouth_weight)}
        if "gradient" in weights:
            losses["gradient"] = gradient_loss(fake, batch[GT])
        if "sync" in weights:
            with self.autocast():
                losses["sync"] = self.expert.generated_loss(batch[MELS], fake)
        if adversarial is not None:
            losses["adversarial"] = adversarial
        elif "adversarial" in weights:
            discriminator = self.adversary.frozen()
            with self.autocast():
                losses["adversarial"] = adversarial_loss(discriminator(fake))
        return losses

    def judge_once(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """The discriminator's step and `adversarial` of the frames as it saw them, from one pass, where one will do.

        Empty where it judges frames together, gives more than one verdict a frame, or computes in fp16, where the
        small gradients of sure verdicts would be lost.
        """
        discriminator = self.adversary.learning()
        if not getattr(discriminator, "judges_each_frame", False) or self.scales.enabled:
            return {}
        with self.autocast():
            judged = OnePass.over(discriminator, real, fake)
        if judged is None:
            return {}
        penalty = r1_losses(discriminator, real, self.weights, self.progress.step)
        self.optimize(self.adversary.optimizer, sum_of(judged.losses | penalty))
        loss = judged.generator_loss(fake, 1 / self.share[1])
        return {"adversarial": loss, **judged.losses, **penalty}

    def discriminator_step(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """One step of the discriminator on real and generated frames, (B, 3, T, H, W) without gradient."""
        discriminator = self.adversary.learning()
        with self.autocast():
            losses = discriminator_losses(discriminator(real), discriminator(fake))
        losses |= r1_losses(discriminator, real, self.weights, self.progress.step)
        self.optimize(self.adversary.optimizer, sum_of(losses))
        return losses

    def valid_step(self, batch: Batch) -> dict[str, Tensor]:
        """L1 and sync with their full weights at any step, so that validations can be compared; no discriminator,
        whose verdict changes as it learns. PSNR and SSIM are shown beside them and decide nothing."""
        weights = self._with_l1({"gradient": self.weights.gradient_weight, "sync": self.weights.sync_weight})
        with self.autocast():
            fake = self.model.infer(batch)
        losses = self.generator_losses(batch, fake, weights)
        return {"loss": weighted_sum(losses, weights), **losses, **picture_values(fake, batch[GT])}

    def weights_at(self, step: int) -> dict[str, float]:
        """Weights of the losses that count at a step; the others are not computed."""
        others = {"gradient": self.weights.gradient_weight}
        if self.sync_counts(step):
            others["sync"] = self.weights.sync_weight
        if step >= self.weights.disc_start_step:
            others["adversarial"] = self.weights.adversarial_weight
        return self._with_l1(others)

    def state(self) -> dict[str, Stateful]:
        return super().state() | (self.adversary.state() if self.weights.adversarial_weight > 0 else {})

    def _with_l1(self, others: Mapping[str, float]) -> dict[str, float]:
        active = {name: weight for name, weight in others.items() if weight > 0}
        return {"l1": self.l1_weight(active), **active}

    def _require_expert(self) -> SyncNet_color:
        if "expert" not in self.parts:
            raise ConfigError(
                f"sync_weight: {self.weights.sync_weight} needs the sync expert, and none was given; "
                "set expert_checkpoint, or sync_weight=0 to train without it"
            )
        expert = cast(SyncNet_color, self.parts["expert"])
        if expert.num_frames != self.weights.num_frames:
            raise ConfigError(
                f"num_frames: {self.weights.num_frames}, but the sync expert looks at {expert.num_frames} frames; "
                "set both alike"
            )
        return expert


def freeze(module: Module) -> Module:
    """Evaluation mode and no weight gradients: a frozen network's batch statistics must not drift either."""
    return module.eval().requires_grad_(False)
