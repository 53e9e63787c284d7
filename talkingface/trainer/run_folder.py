"""A run's folder: saved/<Model>-<dataset>-<time>[-<run_name>]/ with its configuration, environment, metrics and status.

config.yaml  environment.json  status.json  metrics.jsonl  checkpoints/  samples/  videos/
evaluation/  report.html  report.md
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from talkingface.config import identity, plain
from talkingface.config.schema import Config
from talkingface.model.checkpoint import BEST, CHECKPOINTS, LAST
from talkingface.utils.errors import UserError
from talkingface.utils.files import only_one, read_json, write_json, write_text

PACKAGES = ("torch", "torchvision", "numpy", "opencv-contrib-python", "av", "mediapipe", "librosa")


class RunFolder:
    """The folder of one run; every path in it has one name here."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config_file = self.path / "config.yaml"
        self.environment_file = self.path / "environment.json"
        self.status_file = self.path / "status.json"
        self.metrics_file = self.path / "metrics.jsonl"
        self.checkpoints = self.path / CHECKPOINTS
        self.samples = self.path / "samples"
        self.videos = self.path / "videos"
        self.last = self.checkpoints / LAST
        self.best = self.checkpoints / BEST
        self._held = 0

    @classmethod
    def create(cls, config: Config, *, fingerprint: str | None = None) -> RunFolder:
        """Make a new folder under `config.run.saved_dir`; two runs of one second get different ones.

        Args:
            config: written into it as config.yaml.
            fingerprint: what two runs must share for one to continue the other; by default the configuration's.
        """
        now = datetime.now().astimezone()
        name = f"{config.model_name}-{config.dataset_name}-{now:%Y%m%d-%H%M%S}"
        name += f"-{config.run.run_name}" if config.run.run_name else ""
        parent = Path(config.run.saved_dir)
        parent.mkdir(parents=True, exist_ok=True)
        run = cls(_make_unique(parent, name))
        for folder in (run.checkpoints, run.samples, run.videos):
            folder.mkdir()
        run.write_config(config)
        write_json(run.environment_file, environment())
        run.update_status(
            model=config.model_name,
            dataset=config.dataset_name,
            created=now.isoformat(),
            fingerprint=fingerprint or identity.fingerprint(config),
            finished=False,
            run_name=config.run.run_name,
            note=config.run.note,
        )
        return run

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.name

    def write_config(self, config: Config) -> None:
        """Set config.yaml: what this run is trained with, the last time it was gone on with.

        It names the profile that the status notes, so that models which this one needs take it from the file too.
        """
        status = self.status()
        profile = (status["profile"] or "none") if "profile" in status else None
        write_text(self.config_file, plain.to_yaml(config, profile=profile))

    def step_checkpoint(self, step: int) -> Path:
        """The file of a checkpoint that is kept."""
        return self.checkpoints / f"step-{step}.pth"

    def status(self) -> dict[str, Any]:
        """What status.json holds; empty where it is missing.

        Raises:
            UserError: the file is damaged.
        """
        if not self.status_file.is_file():
            return {}
        found = read_json(self.status_file)
        if not isinstance(found, dict):
            raise UserError(f"{self.status_file}: wanted a mapping, got {type(found).__name__}; is it damaged?")
        return found

    def update_status(self, **values: Any) -> None:
        """Set values of status.json, atomically."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(self.status_file, self.status() | values)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only process that writes here; may be nested.

        Raises:
            UserError: another process, or another `RunFolder` of this one, holds it.
        """
        if self._held:
            yield
            return
        with only_one(self.path):
            self._held += 1
            try:
                yield
            finally:
                self._held -= 1

    def append_metrics(self, line: dict[str, Any]) -> None:
        """Add one line to metrics.jsonl."""
        self.path.mkdir(parents=True, exist_ok=True)
        with self.metrics_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def read_metrics(self) -> list[dict[str, Any]]:
        """All whole lines of metrics.jsonl; a last line that was cut off while being written is left out.

        Raises:
            UserError: a line is damaged.
        """
        if not self.metrics_file.is_file():
            return []
        found = []
        for number, line in enumerate(self.metrics_file.read_text(encoding="utf-8").split("\n")[:-1], 1):
            try:
                found.append(json.loads(line))
            except ValueError as error:
                raise UserError(f"{self.metrics_file}:{number}: not JSON ({error}); delete the line") from error
        return found

    def truncate_metrics(self, step: int) -> None:
        """Drop the lines after `step`: a resumed training writes them again."""
        kept = [line for line in self.read_metrics() if line["step"] <= step]
        write_text(self.metrics_file, "".join(json.dumps(line) + "\n" for line in kept))


@dataclass(frozen=True, kw_only=True)
class SavedRuns:
    """All runs under a folder, each status read once."""

    statuses: tuple[tuple[RunFolder, dict[str, Any]], ...]
    """Runs with what status.json held, newest first."""
    problems: tuple[str, ...]
    """A line for each run whose status.json is damaged; it is passed over."""

    @classmethod
    def read(cls, saved_dir: str | Path) -> SavedRuns:
        """Read the statuses; a folder that is not there has no runs."""
        found: list[tuple[RunFolder, dict[str, Any]]] = []
        problems = []
        for file in sorted(Path(saved_dir).glob("*/status.json")):
            run = RunFolder(file.parent)
            try:
                found.append((run, run.status()))
            except UserError as error:
                problems.append(f"passed over: {error}")
        found.sort(key=lambda entry: (str(entry[1].get("created", "")), entry[0].name), reverse=True)
        return cls(statuses=tuple(found), problems=tuple(problems))

    def matching(self, **wanted: Any) -> list[RunFolder]:
        """Runs, newest first, whose status has these values: `model`, `dataset`, `finished`, ...; None asks nothing."""
        asked = {key: value for key, value in wanted.items() if value is not None}
        return [run for run, status in self.statuses if all(status.get(key) == asked[key] for key in asked)]


def environment() -> dict[str, Any]:
    """Versions, device and threads, so that a run can be explained later."""
    return {
        "command": sys.argv,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "host": platform.node(),
        "packages": {name: _version(name) for name in PACKAGES},
        "cuda": torch.version.cuda,
        "devices": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        "cpu_count": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "git_commit": _git_commit(),
    }


def _make_unique(parent: Path, name: str) -> Path:
    for number in range(1, 1000):
        path = parent / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise UserError(f"{parent / name}: a thousand folders of this name exist; clear {parent}")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    try:
        command = ["git", "rev-parse", "HEAD"]
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
