"""MLflow: the server of MLFLOW_TRACKING_URI, or files in `log_dir`/mlruns where none is set."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from talkingface.trainer.loggers.logger import Logger, Training, hparams, require
from talkingface.utils.errors import UserError

EXPERIMENT = "talkingface"
MOST_PARAMS = 100
"""MLflow takes no more in one request."""


class MlflowLogger(Logger):
    """One MLflow run a training; a resumed one goes on in the same, whose identity is kept in the run's status.json.

    Settings that decide the result are its parameters; pictures, videos and texts its artifacts.
    """

    is_remote = True

    @classmethod
    def check(cls) -> None:
        _package()

    def __init__(self, training: Training) -> None:
        self._mlflow = _package()
        self._status = "KILLED"
        place = os.environ.get("MLFLOW_TRACKING_URI") or (training.folder.parent / "mlruns").absolute().as_uri()
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        try:
            self._client: Any = self._mlflow.MlflowClient(tracking_uri=place)
            self._id = self._begin(training, experiment=name)
        except self._mlflow.exceptions.MlflowException as error:
            raise UserError(
                f"logger: mlflow at {place} did not begin ({error}); set MLFLOW_TRACKING_URI, or leave mlflow out of "
                "logger to train without"
            ) from error

    def _begin(self, training: Training, *, experiment: str) -> str:
        """The run's identity: the one that an earlier part of the training had, if it is still there, or a new one."""
        known = training.run.status().get("mlflow_id")
        if known:
            self._client.update_run(known, status="RUNNING")
            return str(known)
        found = self._client.get_experiment_by_name(experiment)
        where = found.experiment_id if found else self._client.create_experiment(experiment)
        identity = self._client.create_run(where, run_name=training.run.name).info.run_id
        params = [self._mlflow.entities.Param(key, str(value)) for key, value in hparams(training.config).items()]
        for start in range(0, len(params), MOST_PARAMS):
            self._client.log_batch(identity, params=params[start : start + MOST_PARAMS])
        training.run.update_status(mlflow_id=identity)
        return str(identity)

    def values(self, split: str, values: Mapping[str, float], step: int) -> None:
        now = round(time.time() * 1000)
        metric = self._mlflow.entities.Metric
        self._client.log_batch(
            self._id, metrics=[metric(f"{split}/{name}", value, now, step) for name, value in values.items()]
        )

    def text(self, name: str, text: str, step: int) -> None:
        self._client.log_text(self._id, text, f"{name}-{step:06d}.md")

    def image(self, name: str, image: Tensor, step: int) -> None:
        self._client.log_image(self._id, image.permute(1, 2, 0).cpu().numpy(), f"{name}-{step:06d}.png")  # wants HWC

    def video(self, name: str, path: Path, step: int) -> None:
        self._client.log_artifact(self._id, str(path), name.rpartition("/")[0] or None)

    def finish(self, step: int) -> None:
        self._status = "FINISHED"

    def close(self) -> None:
        self._client.set_terminated(self._id, self._status)


def _package() -> Any:
    """The package; its newer versions keep runs in files only where that is asked for."""
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    return require("mlflow")
