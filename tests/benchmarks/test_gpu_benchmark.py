"""The benchmark of GPUs runs to its end on a CPU, and without the packages that GPU machines often lack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WITHOUT = """
import sys


class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"mediapipe", "av", "librosa", "soundfile", "python_speech_features", "torchvision"}:
            raise ModuleNotFoundError(name)


sys.meta_path.insert(0, Missing())
from benchmarks.gpu import main

main(["--tiny", "--output", sys.argv[1]])
"""


def test_a_tiny_run_ends_in_whole_tables(tmp_path: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", WITHOUT, str(tmp_path)], check=True, cwd=tmp_path, env=environment)
    found = json.loads((tmp_path / "gpu.json").read_text("utf-8"))
    assert found["failed"] == [] and found["left_out"] == []
    assert found["golden"] and all(row["ok"] for row in found["golden"])
    told = [row for row in found["steps"] if "failed" in row]
    assert [row["failed"] for row in told] == ["CUDA graphs need CUDA"]
    models = {row["model"] for row in found["steps"]}
    assert len(models) == 6 == len(found["shares"])
    assert all(abs(sum(shares.values()) - 1) < 0.05 for shares in found["shares"].values())
    assert {row["size"] for row in found["drawing"]} == {32, 96, 128, 256, 512}
    assert {"samples_per_second", "data_wait", "workers"} <= found["loading"][0].keys()
    page = (tmp_path / "gpu.md").read_text("utf-8")
    assert "| HyperLipsBase | bf16, deterministic |" in page and "WRONG" not in page
