"""Run folders: names, status, metrics, lock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import tiny_config

from talkingface.config.plain import read_config
from talkingface.trainer.run_folder import RunFolder, SavedRuns
from talkingface.utils.errors import UserError

HOLDER = """
import sys, time
from pathlib import Path
from talkingface.utils.files import only_one
with only_one(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(path: Path) -> subprocess.Popen[str]:
    """A process that holds a lock."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, env=environment, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_create(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    runs = [RunFolder.create(config) for _ in range(3)]
    assert len({run.path for run in runs}) == 3
    assert all(run.name.startswith("Tiny-memory-") for run in runs)
    run = runs[0]
    stored = read_config(run.config_file)
    assert stored["model"]["learning_rate"] == 0.01
    environment = json.loads(run.environment_file.read_text())
    assert environment["packages"]["torch"]
    assert environment["torch_threads"] >= 1
    assert run.status()["finished"] is False
    assert len(run.status()["fingerprint"]) >= 12


def test_runs_newest_first_and_by_status(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    old, new = RunFolder.create(config), RunFolder.create(config)
    old.update_status(finished=True, best_score=0.5)
    saved = tmp_path / "saved"
    (saved / "notes").mkdir()
    runs = SavedRuns.read(saved)
    assert [run.path for run in runs.matching()] == [new.path, old.path]
    assert [run.path for run in runs.matching(model="Tiny", dataset="memory", finished=True)] == [old.path]
    assert runs.matching(model="Tin") == []
    assert runs.matching(model="Tiny", dataset="other") == []
    assert len(runs.matching(fingerprint=new.status()["fingerprint"], finished=None)) == 2
    assert SavedRuns.read(tmp_path / "nowhere").matching() == []
    assert old.status()["best_score"] == 0.5


def test_a_damaged_status_is_named_and_passed_over(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    whole, cut, other = (RunFolder.create(config) for _ in range(3))
    cut.status_file.write_text('{"model": "Ti')
    other.status_file.write_text("[1]")
    saved = SavedRuns.read(tmp_path / "saved")
    assert [run.path for run, _ in saved.statuses] == [whole.path]
    assert [run.path for run in saved.matching(model="Tiny", finished=None)] == [whole.path]
    assert len(saved.problems) == 2
    for run, line in zip((cut, other), sorted(saved.problems), strict=True):
        assert run.name in line and "passed over" in line and "\n" not in line
    with pytest.raises(UserError, match=r"status\.json"):
        cut.status()
    assert SavedRuns.read(tmp_path / "nowhere") == SavedRuns(statuses=(), problems=())


def test_metrics_are_cut_back(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    for step in range(1, 6):
        run.append_metrics({"step": step, "loss": 1 / step})
    with run.metrics_file.open("a") as file:
        file.write('{"step": 6, "lo')  # killed while writing
    assert [line["step"] for line in run.read_metrics()] == [1, 2, 3, 4, 5]
    run.truncate_metrics(3)
    run.append_metrics({"step": 4, "loss": 0.25})
    assert [json.loads(line)["step"] for line in run.metrics_file.read_text().splitlines()] == [1, 2, 3, 4]
    assert run.read_metrics()[2]["loss"] == 1 / 3


def test_a_damaged_line_of_metrics_is_named(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.append_metrics({"step": 1})
    with run.metrics_file.open("a") as file:
        file.write('{"st\n{"step": 3}\n')
    with pytest.raises(UserError, match=r"metrics\.jsonl:2: not JSON .*delete the line"):
        run.read_metrics()


def test_second_process_is_refused_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    process = holder(tmp_path)
    with pytest.raises(UserError, match="in use"), run.lock():
        pass
    process.kill()
    process.wait()
    with run.lock():
        pass


def test_lock_of_another_folder_object_is_respected_and_nests_in_one(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    with run.lock():
        with run.lock():
            pass
        with pytest.raises(UserError, match="in use"), RunFolder(tmp_path).lock():
            pass
    with RunFolder(tmp_path).lock():
        pass


def test_lock_is_released_on_errors(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    with pytest.raises(ZeroDivisionError), run.lock():
        raise ZeroDivisionError
    with run.lock():
        pass
