"""What recipes with a discriminator share."""

from __future__ import annotations

from dataclasses import dataclass

from talkingface.config.schema import ModelConfig


@dataclass(frozen=True, kw_only=True)
class AdversarialConfig(ModelConfig):
    """Weight, rate and start of a discriminator."""

    adversarial_weight: float
    """Weight of the discriminator; 0 trains without one."""
    disc_learning_rate: float
    """Learning rate of the discriminator."""
    disc_start_step: int = 0
    """Step from which the discriminator trains and its loss counts."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("adversarial_weight", "disc_start_step"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: wanted 0 or more, got {getattr(self, name)}")
        if self.disc_learning_rate <= 0:
            raise ValueError(f"disc_learning_rate: wanted a number above 0, got {self.disc_learning_rate}")
