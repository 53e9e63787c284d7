"""Recipe of HyperLipsBase. Apart from the network, so that reading a configuration imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from talkingface.config.schema import ModelConfig


@dataclass(frozen=True, kw_only=True)
class HyperLipsBaseConfig(ModelConfig):
    """0.77 L1 + 0.03 sync + 0.2 adversarial (HyperLips, section 3.2)."""

    train_batch_size: int = 28
    adam_beta1: float = 0.5
    l1_weight: float = 0.77
    """Weight of the pixels' L1."""
    sync_weight: float = 0.03
    """Weight of the lip-sync expert; 0 trains without an expert."""
    adversarial_weight: float = 0.2
    """Weight of the discriminator; 0 trains without one."""
    mouth_weight: float = 1.0
    """Weight of a pixel of the mouth region in the L1 where one elsewhere has 1; 1 is the paper's."""
    disc_learning_rate: float = 5e-4
    """Learning rate of the discriminator."""
    disc_start_step: int = 0
    """Step from which the discriminator trains and its loss counts."""
    sync_start_step: int = 0
    """Step from which the expert's loss counts."""
    expert_checkpoint: str | None = None
    """Weights of the lip-sync expert; none lets `run` find or train one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("l1_weight", "sync_weight", "adversarial_weight", "disc_start_step", "sync_start_step"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: wanted 0 or more, got {getattr(self, name)}")
        for name in ("mouth_weight", "disc_learning_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: wanted a number above 0, got {getattr(self, name)}")
        if self.sync_weight > 0 and self.num_frames != 5:
            raise ValueError(
                f"num_frames and sync_weight: the lip-sync expert looks at 5 frames, got {self.num_frames}; set "
                "num_frames to 5, or sync_weight to 0"
            )
