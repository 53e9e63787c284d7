"""Training of Wav2Lip and Wav2Lip+GAN (arXiv 2008.10010, section 3.4): w sync + a adversarial + (1 - w - a) L1.

w stays 0 until the sync loss of a validation falls under `sync_threshold`: before that the lips are too far from
speech for the expert's gradient to mean anything.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast

from talkingface.config.schema import ConfigError
from talkingface.model.audio_driven_talkingface.wav2lip import Wav2Lip_disc_qual
from talkingface.model.audio_driven_talkingface.wav2lip_config import Wav2LipConfig
from talkingface.model.checkpoint import Stateful
from talkingface.trainer.generator_trainer import GeneratorTrainer
from talkingface.trainer.progress import FitResult

LOGGER = logging.getLogger(__name__)


class SyncSwitch:
    """Whether the expert's loss counts; once on it stays on, over a resume too."""

    def __init__(self, *, on: bool) -> None:
        self.on = on

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"on": self.on}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """From a checkpoint."""
        self.on = bool(state_dict["on"])


class Wav2LipTrainer(GeneratorTrainer):
    """L1 weighs what the others leave; the expert's loss waits for the validation."""

    new_discriminator = Wav2Lip_disc_qual

    def set_up(self) -> None:
        super().set_up()
        self.switch = SyncSwitch(on=self._threshold is None)

    @property
    def _threshold(self) -> float | None:
        return cast(Wav2LipConfig, self.weights).sync_threshold

    def fit(self, train_dataset: Any, valid_dataset: Any = None) -> FitResult:
        """Train; see `Trainer.fit`.

        Raises:
            ConfigError: the switch waits for a validation, and there are no validation data.
        """
        if self.weights.sync_weight > 0 and self._threshold is not None and not valid_dataset:
            raise ConfigError(
                f"sync_threshold: {self._threshold} is held against the validation's sync loss, and there are no "
                "validation clips; list some in val.txt, or set sync_threshold=none to count sync from sync_start_step"
            )
        return super().fit(train_dataset, valid_dataset)

    def l1_weight(self, others: Mapping[str, float]) -> float:
        return 1.0 - sum(others.values())

    def sync_counts(self, step: int) -> bool:
        return self.switch.on and super().sync_counts(step)

    def after_validation(self, metrics: Mapping[str, float]) -> None:
        """Turn the expert's loss on where the validation's is under the threshold."""
        if self._threshold is not None and not self.switch.on and metrics.get("sync", 1e9) < self._threshold:
            self.switch.on = True
            LOGGER.info(
                "step %d: validation sync loss %.3f is under %g, so sync counts from here with weight %g",
                self.progress.step, metrics["sync"], self._threshold, self.weights.sync_weight,
            )  # fmt: skip

    def state(self) -> dict[str, Stateful]:
        return super().state() | {"switch": self.switch}
