"""What a training goes on from: its last checkpoint, or the newest one that is whole where that is damaged or gone.

A run that had checkpoints never starts at step 0 again in the same folder, and best.pth is never replaced by weights
of a worse validation than its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from talkingface.config.schema import ModelConfig
from talkingface.model.checkpoint import Checkpoint, Stateful, read_training, restore
from talkingface.trainer import distributed
from talkingface.trainer.progress import Progress
from talkingface.trainer.run_folder import RunFolder
from talkingface.utils.errors import CheckpointError, DamagedError
from talkingface.utils.files import remove_leftovers
from talkingface.utils.seed import set_rng_state
from talkingface.utils.torch_file import check_torch_file

HAD_CHECKPOINTS = "had_checkpoints"
"""In status.json: whether one has been saved."""


@dataclass(frozen=True, kw_only=True)
class BestScore:
    """What best.pth holds."""

    score: float = math.inf
    """Its validation loss; infinite where there is no usable best.pth."""
    step: int = 0

    def allows(self, progress: Progress) -> bool:
        """Whether weights with the lowest loss so far may replace best.pth.

        They may not where the training went back to before best.pth was saved, and does worse than it did then.
        """
        return progress.best_score is not None and progress.best_score <= self.score


@dataclass(kw_only=True)
class Start:
    """What a training starts from; sent to other processes without what has been read."""

    path: Path | None
    """The checkpoint; None starts at step 0."""
    best: BestScore
    notes: tuple[str, ...]
    """What the user should know."""
    contents: dict[str, Any] | None = None
    """What the checkpoint holds, until it is taken."""
    trained_with: dict[str, Any] | None = None
    """The configuration that it was trained with so far, as plain data; set when it is taken."""

    def read(self) -> dict[str, Any]:
        """Take what the checkpoint holds."""
        assert self.path is not None
        contents, self.contents = self.contents, None
        return contents if contents is not None else read_training(self.path)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"contents": None}


def resume(run: RunFolder, recipe: ModelConfig, state: Mapping[str, Stateful], progress: Progress) -> Start:
    """Take over what a training goes on from, in all its processes alike.

    Raises:
        CheckpointError: see `find_start`; or a checkpoint is of another recipe.
    """
    for part in state.values():
        if isinstance(part, nn.Module):
            distributed.broadcast_module(part)
    start = distributed.first_decides(lambda: find_start(run, recipe))
    if start.path is not None:
        contents = start.read()
        start.trained_with = contents["config"]
        restore(contents, state, origin=start.path)
        progress.load_plain(contents["progress"])
        set_rng_state(contents["rng"])
        take_best_score(progress, start.best)
    return start


def find_start(run: RunFolder, recipe: ModelConfig) -> Start:
    """Choose the checkpoint to go on from, and remove what killed saves have left; the caller holds the run's lock.

    Raises:
        CheckpointError: the run had checkpoints, and none of them can be used; nothing was changed.
    """
    notes = _clear(run)
    best, problem = _best(run.best)
    problems = []
    for path in _candidates(run):
        try:
            contents = read_training(path)
        except DamagedError as error:
            problems.append(str(error))
            continue
        if path != run.last:
            why = problems[0] if problems else f"{run.last} is missing"
            notes.append(f"{why}; going on from {path.name}, step {contents['progress']['step']:,}")
        if math.isinf(best.score) and contents["progress"]["best_score"] is not None:
            notes.append(f"{problem or f'{run.best} is missing'}; the best weights from here on take its place")
        return Start(path=path, contents=contents, best=best, notes=tuple(notes))
    if problems or had_checkpoints(run, recipe):
        raise CheckpointError(_refusal(run, problems))
    return Start(path=None, contents=None, best=best, notes=tuple(notes))


def had_checkpoints(run: RunFolder, recipe: ModelConfig) -> bool:
    """Whether the run has ever saved one; of a run of before this was noted, its metrics tell."""
    noted = run.status().get(HAD_CHECKPOINTS)
    if noted is not None:
        return bool(noted)
    return any(line["split"] == "valid" or line["step"] >= recipe.save_every for line in run.read_metrics())


def take_best_score(progress: Progress, best: BestScore) -> None:
    """Let the lowest loss so far be that of best.pth, as far as the training has come."""
    if math.isinf(best.score):
        progress.best_score = progress.best_step = None
    elif best.step <= progress.step and not (progress.best_score is not None and progress.best_score <= best.score):
        progress.best_score, progress.best_step = best.score, best.step


def _candidates(run: RunFolder) -> Iterator[Path]:
    """last.pth, then the others from the newest on."""
    if run.last.is_file():
        yield run.last
    others = []
    for path in run.checkpoints.glob("*.pth"):
        if path == run.best or path.name.startswith("step-"):
            try:
                header = Checkpoint.read(path).header
            except CheckpointError:
                header = None
            others.append((header.step if header else -1, path))
    yield from (path for _, path in sorted(others, reverse=True))


def _best(path: Path) -> tuple[BestScore, str | None]:
    """What best.pth holds, and what is wrong with it."""
    if not path.is_file():
        return BestScore(), None
    try:
        header = Checkpoint.read(path).header
        check_torch_file(path)
    except CheckpointError as error:
        return BestScore(), str(error)
    if header is None or "loss" not in header.metrics:
        return BestScore(), None
    return BestScore(score=header.metrics["loss"], step=header.step), None


def _clear(run: RunFolder) -> list[str]:
    count, size = remove_leftovers(run.path, run.checkpoints, run.samples, run.videos)
    what = "a file" if count == 1 else f"{count} files"
    return [f"removed {what} of saves that were cut off ({size / 1e6:,.1f} MB)"] if count else []


def _refusal(run: RunFolder, problems: list[str]) -> str:
    steps = max((line["step"] for line in run.read_metrics()), default=0)
    there = "; ".join(problems) if problems else f"{run.checkpoints} holds none"
    return (
        f"{run.path}: was trained for {steps:,} steps, and none of its checkpoints can be used ({there}); put a whole "
        f"copy there as {run.last.relative_to(run.path)}, or begin a new run with --resume=never. Nothing was changed"
    )
