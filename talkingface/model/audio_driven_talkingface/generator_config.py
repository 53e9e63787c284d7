"""What the recipes of generators share: a lip-sync expert and a discriminator, each with its weight and its start."""

from __future__ import annotations

from dataclasses import dataclass

from talkingface.config.kinds import LossWeight, PathText, Place, Rate
from talkingface.config.schema import ModelConfig


@dataclass(frozen=True, kw_only=True)
class AdversarialConfig(ModelConfig):
    """Weight, rate and start of a discriminator."""

    adversarial_weight: LossWeight[float]
    """Weight of the discriminator; 0 trains without one."""
    disc_learning_rate: Rate[float]
    """Learning rate of the discriminator."""
    disc_start_step: int = 0
    """Step from which the discriminator trains and its loss counts."""
    initial_discriminator: Place[PathText | None] = None
    """Weights that a new training's discriminator starts from: a run of a recipe with one, its name, or a .pth file."""
    initial_discriminator_sha256: str | None = None
    """SHA-256 of that file, as `initial_weights_sha256`."""
    r1_weight: LossWeight[float] = 0.0
    """Weight of R1, which keeps the discriminator's gradient at real faces small; 0 leaves it out, as published."""
    r1_every: int = 16
    """Steps between those that compute R1, which then counts for all of them."""
    spectral_norm: bool = False
    """Hold each of the discriminator's convolutions to a largest singular value of 1; published ones are free."""
    gradient_weight: LossWeight[float] = 0.0
    """Weight of the error in the picture's gradients at four scales, beside L1; 0 leaves it out, as published."""

    @property
    def sources(self) -> dict[str, tuple[str | None, str | None]]:
        return super().sources | {"discriminator": (self.initial_discriminator, self.initial_discriminator_sha256)}

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("adversarial_weight", "disc_start_step", "r1_weight", "gradient_weight"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: wanted 0 or more, got {getattr(self, name)}")
        if self.initial_discriminator is not None and self.adversarial_weight == 0:
            raise ValueError("initial_discriminator and adversarial_weight: with weight 0 there is no discriminator")
        if self.r1_every < 1:
            raise ValueError(f"r1_every: wanted 1 or more, got {self.r1_every}")
        if self.disc_learning_rate <= 0:
            raise ValueError(f"disc_learning_rate: wanted a number above 0, got {self.disc_learning_rate}")


@dataclass(frozen=True, kw_only=True)
class GeneratorConfig(AdversarialConfig):
    """Weights, starts and the sampling of a generator's training."""

    sync_weight: LossWeight[float]
    """Weight of the lip-sync expert; 0 trains without an expert."""
    mouth_weight: LossWeight[float] = 1.0
    """Weight of a pixel of the mouth region in the L1 where one elsewhere has 1; 1 is the papers'."""
    sync_start_step: int = 0
    """Step from which the expert's loss counts."""
    expert_checkpoint: PathText | None = None
    """Weights of the lip-sync expert; none lets `run` find or train one."""
    reference_gap: int = 0
    """Frames that must lie between target and reference windows, so that the reference's mouth tells nothing; a clip
    that is too short for it gives the farthest window there is."""
    silence_probability: float = 0.0
    """Share of training samples that pair quiet frames with digital silence, so that a mouth rests in silence."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("sync_weight", "sync_start_step", "reference_gap"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: wanted 0 or more, got {getattr(self, name)}")
        if self.mouth_weight <= 0:
            raise ValueError(f"mouth_weight: wanted a number above 0, got {self.mouth_weight}")
        if not 0 <= self.silence_probability < 1:
            raise ValueError(f"silence_probability: wanted a share from 0 to under 1, got {self.silence_probability}")
        if self.sync_weight > 0 and self.num_frames < 5:
            raise ValueError(
                f"num_frames and sync_weight: the lip-sync expert looks at 5 frames or more, got {self.num_frames}; "
                "set num_frames to the expert's, or sync_weight to 0"
            )
