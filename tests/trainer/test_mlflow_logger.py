"""MLflow, held against a module that has the calls that are used; where MLflow is installed, its own files are read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from tiny import TinySet, tiny_config, tiny_trainer
from torch import Tensor

from talkingface.batch import Batch
from talkingface.config.schema import Config
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.trainer import Trainer
from talkingface.utils.errors import UserError


class MlflowError(Exception):
    pass


class Client:
    """Keeps what it is told, by the place that it was made for, with the limits of MLflow's own."""

    places: ClassVar[dict[str, dict[str, Any]]] = {}

    def __init__(self, tracking_uri: str) -> None:
        if tracking_uri.startswith("http"):
            raise MlflowError("no server there")
        self.place = self.places.setdefault(tracking_uri, {"experiments": {}, "runs": {}})

    def get_experiment_by_name(self, name: str) -> Any:
        return self.place["experiments"].get(name)

    def create_experiment(self, name: str) -> str:
        self.place["experiments"][name] = SimpleNamespace(experiment_id=name)
        return name

    def create_run(self, experiment_id: str, run_name: str) -> Any:
        identity = f"id{len(self.place['runs'])}"
        run = {"name": run_name, "in": experiment_id, "status": "RUNNING", "metrics": [], "params": {}, "artifacts": []}
        self.place["runs"][identity] = run
        return SimpleNamespace(info=SimpleNamespace(run_id=identity))

    def update_run(self, run_id: str, status: str) -> None:
        self.place["runs"][run_id]["status"] = status

    def log_batch(self, run_id: str, metrics: Sequence[Any] = (), params: Sequence[Any] = ()) -> None:
        assert len(params) <= 100 and len(metrics) <= 1000
        self.place["runs"][run_id]["metrics"] += metrics
        self.place["runs"][run_id]["params"] |= dict(params)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        self.place["runs"][run_id]["artifacts"].append(artifact_file)

    def log_image(self, run_id: str, image: np.ndarray, artifact_file: str) -> None:
        assert image.dtype == np.uint8 and image.shape[2] == 3
        self.place["runs"][run_id]["artifacts"].append(artifact_file)

    def log_artifact(self, run_id: str, local_path: str, artifact_path: str | None = None) -> None:
        assert Path(local_path).is_file()

    def set_terminated(self, run_id: str, status: str) -> None:
        self.place["runs"][run_id]["status"] = status


def stand_in() -> ModuleType:
    module = ModuleType("mlflow")
    entities = SimpleNamespace(Metric=lambda *values: values, Param=lambda *values: values)
    vars(module).update(MlflowClient=Client, entities=entities, exceptions=SimpleNamespace(MlflowException=MlflowError))
    return module


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")


def mlflow_config(folder: Path, **recipe: Any) -> Config:
    config = tiny_config(folder, log_every=2, valid_every=4, sample_every=4, **recipe)
    return replace(config, run=replace(config.run, logger=("mlflow",)))


def train_and_extend(folder: Path) -> RunFolder:
    first = tiny_trainer(mlflow_config(folder, max_steps=4))
    first.fit(TinySet(), TinySet(5))
    tiny_trainer(mlflow_config(folder, max_steps=8), first.run).fit(TinySet(), TinySet(5))
    return first.run


def test_a_training_is_one_run_after_a_resume_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", stand_in())
    run = train_and_extend(tmp_path)
    place = Client.places[(tmp_path / "log/mlruns").absolute().as_uri()]
    (identity,) = place["runs"]
    kept = place["runs"][identity]
    assert run.status()["mlflow_id"] == identity
    assert (kept["name"], kept["in"], kept["status"]) == (run.name, "talkingface", "FINISHED")
    assert kept["params"]["learning_rate"] == "0.01" and kept["params"]["max_minutes"] == "none"
    told = {line["step"]: line["loss"] for line in run.read_metrics() if line["split"] == "train"}
    seen = {step: value for name, value, _, step in kept["metrics"] if name == "train/loss"}
    assert seen == pytest.approx(told) and list(seen) == [2, 4, 6, 8]
    samples = "samples/reference_masked_generated_real"
    assert {"configuration-000000.md", f"{samples}-000004.png", f"{samples}-000008.png"} <= set(kept["artifacts"])


def test_a_training_that_is_cut_short_is_no_finished_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Cut(Trainer):
        def train_step(self, batch: Batch) -> dict[str, Tensor]:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "mlflow", stand_in())
    trainer = tiny_trainer(mlflow_config(tmp_path, max_steps=4), kind=Cut)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(TinySet(), TinySet(5))
    runs = Client.places[(tmp_path / "log/mlruns").absolute().as_uri()]["runs"]
    assert [run["status"] for run in runs.values()] == ["KILLED"]
    tiny_trainer(mlflow_config(tmp_path, max_steps=4), trainer.run).fit(TinySet(), TinySet(5))
    assert [run["status"] for run in runs.values()] == ["FINISHED"]


def test_a_server_that_is_not_there_is_told_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", stand_in())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    trainer = tiny_trainer(mlflow_config(tmp_path, max_steps=4))
    with pytest.raises(UserError, match=r"logger: mlflow at http://127.0.0.1:1 did not begin \(no server there\)"):
        trainer.fit(TinySet(), TinySet(5))
    assert trainer.progress.step == 0


def test_the_files_of_the_package_itself(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow", reason="an extra: requirements-mlflow.txt")
    run = train_and_extend(tmp_path)
    client = mlflow.MlflowClient(tracking_uri=(tmp_path / "log/mlruns").absolute().as_uri())
    kept = client.get_run(run.status()["mlflow_id"])
    assert (kept.info.run_name, kept.info.status, kept.data.params["learning_rate"]) == (run.name, "FINISHED", "0.01")
    history = client.get_metric_history(kept.info.run_id, "train/loss")
    told = {line["step"]: line["loss"] for line in run.read_metrics() if line["split"] == "train"}
    assert {point.step: point.value for point in history} == pytest.approx(told)
