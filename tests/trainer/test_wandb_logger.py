"""Weights & Biases without a network: offline runs in the run's own folder, the same run after a resume, no prompt."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import wandb
from tiny import TinySet, tiny_config, tiny_trainer
from wandb.proto import wandb_internal_pb2
from wandb.sdk.internal.datastore import DataStore

from talkingface.config.schema import Config
from talkingface.trainer.loggers.logger import check_loggers
from talkingface.utils.errors import UserError


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No login, no settings of the user's own."""
    for name in ("WANDB_API_KEY", "WANDB_PROJECT", "WANDB_ENTITY", "WANDB_DIR", "WANDB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "USERPROFILE", "WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "home/.netrc"))
    monkeypatch.chdir(tmp_path)


def wandb_config(folder: Path, **recipe: Any) -> Config:
    config = tiny_config(folder, log_every=2, valid_every=4, sample_every=4, **recipe)
    return replace(config, run=replace(config.run, logger=("wandb",)))


def records(folder: Path) -> list[wandb_internal_pb2.Record]:
    (file,) = folder.glob("*.wandb")
    store = DataStore()
    store.open_for_scan(str(file))
    found = []
    while (data := store.scan_data()) is not None:
        found.append(wandb_internal_pb2.Record.FromString(data))
    return found


def values_of(folder: Path, key: str) -> list[tuple[int, float]]:
    """Steps and values of a key in an offline run's history."""
    found = []
    for record in records(folder):
        row = {item.key or "/".join(item.nested_key): item.value_json for item in record.history.item}
        if key in row:
            found.append((int(row["step"]), float(row[key])))
    return found


@pytest.mark.usefixtures("nobody")
def test_offline_runs_lie_in_the_runs_folder_and_go_on_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise AssertionError(f"a connection to {arguments[-1]}")

    monkeypatch.setenv("WANDB_MODE", "offline")
    real = socket.socket.connect
    monkeypatch.setattr(
        socket.socket,
        "connect",
        lambda it, to: real(it, to) if "127.0.0.1" in to or isinstance(to, str) else refuse(to),
    )
    first = tiny_trainer(wandb_config(tmp_path, max_steps=4))
    first.fit(TinySet(), TinySet(5))
    longer = tiny_trainer(wandb_config(tmp_path, max_steps=8), first.run)
    longer.fit(TinySet(), TinySet(5))
    folders = sorted(
        (tmp_path / "log" / first.run.name / "wandb").glob("offline-run-*"), key=lambda it: it.stat().st_mtime_ns
    )
    identity = first.run.status()["wandb_id"]
    assert len(folders) == 2 and all(f"-{identity}" in folder.name for folder in folders)
    told = {line["step"]: line["loss"] for line in first.run.read_metrics() if line["split"] == "train"}
    seen = [point for folder in folders for point in values_of(folder, "train/loss")]
    assert seen == [(step, pytest.approx(value)) for step, value in told.items()]
    (run,) = (record.run for record in records(folders[0]) if record.HasField("run"))
    assert (run.run_id, run.display_name, run.project) == (identity, first.run.name, "talkingface")
    exits = [record.exit.exit_code for folder in folders for record in records(folder) if record.HasField("exit")]
    assert exits == [0, 0]
    settings = {item.key: item.value_json for item in run.config.update}
    assert settings["max_steps"] == "4" and settings["model"] == '"Tiny"'
    assert list(folders[0].glob("files/media/images/samples/*.png"))
    assert not (tmp_path / "wandb").exists(), "nothing is written to the working directory"


@pytest.mark.usefixtures("nobody")
def test_without_a_login_it_ends_before_anything_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    wandb.teardown()
    with pytest.raises(UserError, match=r"logger: wandb would ask for a login.*WANDB_MODE=offline"):
        check_loggers(("wandb",))
    wandb.teardown()
