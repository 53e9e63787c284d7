"""Weights & Biases: online where somebody is logged in, or kept in the run's folder of `log_dir` (WANDB_MODE=offline).

Project and owner are W&B's own settings (WANDB_PROJECT, WANDB_ENTITY); without one the project is `talkingface`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from talkingface.config.plain import to_plain
from talkingface.trainer.loggers.logger import Logger, Training, require
from talkingface.utils.errors import UserError

PROJECT = "talkingface"
KEPT_HERE = ("offline", "dryrun", "disabled")
"""Modes of W&B that need no login."""


class WandbLogger(Logger):
    """One W&B run a training; a resumed one goes on in the same, whose identity is kept in the run's status.json."""

    is_remote = True

    @classmethod
    def check(cls) -> None:
        wandb = require("wandb")
        settings = wandb.setup().settings
        has_login = wandb.api.api_key or settings.identity_token_file
        if settings.mode not in KEPT_HERE and not has_login:
            raise UserError(
                "logger: wandb would ask for a login. Run `wandb login` or set WANDB_API_KEY; or set "
                "WANDB_MODE=offline, which keeps the run in log_dir until `wandb sync`"
            )

    def __init__(self, training: Training) -> None:
        self.check()
        self._wandb = wandb = require("wandb")
        name, known = training.run.name, training.run.status().get("wandb_id")
        identity = known or wandb.util.generate_id()
        try:
            self._run: Any = wandb.init(
                project=os.environ.get("WANDB_PROJECT") or PROJECT,
                id=identity,
                name=name,
                resume=None
                if wandb.setup().settings.mode in KEPT_HERE
                else "allow",  # `wandb sync --append` joins them
                dir=str(training.folder),
                config=_flat(training),
                settings=wandb.Settings(console="off", silent=True),
            )
        except wandb.errors.Error as error:
            raise UserError(
                f"logger: wandb did not begin ({error}); leave it out of logger to train without"
            ) from error
        self._exit_code = 1
        training.run.update_status(wandb_id=identity)
        self._run.define_metric("step")
        self._run.define_metric("*", step_metric="step")

    def values(self, split: str, values: Mapping[str, float], step: int) -> None:
        self._log({f"{split}/{name}": value for name, value in values.items()}, step)

    def text(self, name: str, text: str, step: int) -> None:
        plain = text.replace("&", "&amp;").replace("<", "&lt;")
        self._log({name: self._wandb.Html(f"<pre>{plain}</pre>", inject=False)}, step)

    def image(self, name: str, image: Tensor, step: int) -> None:
        self._log({name: self._wandb.Image(image.permute(1, 2, 0).cpu().numpy())}, step)  # wants HWC

    def video(self, name: str, path: Path, step: int) -> None:
        self._log({name: self._wandb.Video(str(path), format="mp4")}, step)

    def finish(self, step: int) -> None:
        self._exit_code = 0
        self._run.summary.update({"steps": step})

    def close(self) -> None:
        self._run.finish(exit_code=self._exit_code)

    def _log(self, values: Mapping[str, Any], step: int) -> None:
        """Log at our own step: W&B's must only rise, and a resumed training begins before the last one it has seen."""
        self._run.log({**values, "step": step})


def _flat(training: Training) -> dict[str, Any]:
    plain = to_plain(training.config)
    names = {"model": training.config.model_name, "dataset": training.config.dataset_name}
    return names | plain["run"] | plain["dataset"] | plain["model"]
