"""What a command that trains shows: lines beside the bar; a logger that cannot be used ends it before any work."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from talkingface.cli import main

TINY = [
    "--model=Wav2Lip", "--dataset=toy", "--profile=none", "--device=cpu", "--precision=fp32", "--num_workers=0",
    "--train_batch_size=2", "--evaluate_batch_size=2", "--valid_batches=1", "--max_steps=1", "--min_frames=16",
    "--prepare_workers=1", "--num_frames=1", "--sync_weight=0", "--adversarial_weight=0",
]  # fmt: skip


def test_the_device_and_validations_are_told_beside_the_bar(
    prepared: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["train", *TINY, "--logger=jsonl"]) == 0
    lines = [line.strip() for line in re.split(r"[\r\n]", capsys.readouterr().err)]
    assert any(re.match(r"device: cpu \(.*\), fp32$", line) for line in lines)
    assert any(re.match(r"step 1 validation loss \S+ .*\(best so far\)$", line) for line in lines)
    drawn = [line for line in lines if line.startswith("step 1/1 [")]
    assert drawn and max(map(len, drawn)) < 80 and "ends in 00:00" in drawn[-1]
    (log,) = (prepared / "log").glob("Wav2Lip-*/*")
    assert log.name == "train.log"


def test_a_logger_without_its_package_ends_it_before_any_work(
    prepared: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    for word in ("check", "train"):
        assert main([word, *TINY, "--logger=tensorboard,mlflow"]) == 2
        assert "logger: mlflow was asked for and is not installed" in capsys.readouterr().err
    assert not Path("saved").exists() and not Path("log").exists()
