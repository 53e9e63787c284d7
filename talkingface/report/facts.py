"""All that is known of a run and its evaluation, read from their files; what is not there is empty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from talkingface.config.plain import read_config
from talkingface.report.evaluation_facts import EvaluationFacts, read_evaluation
from talkingface.trainer.run_folder import RunFolder
from talkingface.utils.errors import UserError
from talkingface.utils.files import read_json

EVALUATION = "evaluation"
"""Folder of a run's own evaluation: its best weights on the data that it was trained on."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One run, or one evaluation that belongs to none."""

    name: str
    run: Path | None = None
    model: str = ""
    dataset: str = ""
    profile: str = ""
    created: str = ""
    """ISO 8601."""
    note: str = ""
    """What the user says about it."""
    finished: bool = False
    steps: int | None = None
    """Steps trained so far."""
    total_steps: int | None = None
    """Steps after which it ends, as far as that is known."""
    best_score: float | None = None
    """Lowest validation loss, which depends on the recipe's weights."""
    started_from: list[dict[str, Any]] = field(default_factory=list)
    """The weights that it started from, as its status notes them."""
    changes: list[dict[str, Any]] = field(default_factory=list)
    """What was changed in its configuration on the way, likewise."""
    config: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    """metrics.jsonl."""
    evaluation: EvaluationFacts | None = None
    expert: dict[str, Any] = field(default_factory=dict)
    """expert.json of a sync expert."""

    @property
    def when(self) -> str:
        """`21 November 2026, 07:06`, empty if it is not known."""
        if not self.created:
            return ""
        moment = datetime.fromisoformat(self.created)
        return f"{moment.day} {moment:%B %Y, %H:%M}"

    @property
    def seed(self) -> int | None:
        """The seed that it was trained with."""
        seed = self.config.get("run", {}).get("seed")
        return None if seed is None else int(seed)

    @property
    def best_validation(self) -> dict[str, Any]:
        """Values of the validation with the lowest loss, the unweighted ones among them; empty before the first."""
        found = [line for line in self.lines if line.get("split") == "valid" and "loss" in line]
        return min(found, key=lambda line: line["loss"], default={})

    @property
    def seconds(self) -> float:
        """Time spent in training steps, without validation and samples, from the speeds in metrics.jsonl."""
        total, before = 0.0, 0
        for line in self.lines:
            if speed := line.get("steps_per_second"):
                total += max(0, line["step"] - before) / speed
                before = line["step"]
        return total


def read_facts(run: Path | None, evaluation: Path | None = None) -> Facts:
    """Read a run's folder, an evaluation's, or both.

    Args:
        run: `saved/<run>`; None for an evaluation of videos or weights that belong to no run.
        evaluation: folder with metrics.json or expert.json; by default the run's own, if it has one.

    Raises:
        UserError: a file is damaged.
    """
    if evaluation is None and run is not None:
        evaluation = run / EVALUATION
    folder = run or evaluation
    assert folder is not None
    try:
        facts = _read(folder, run, evaluation)
        _ = facts.when, facts.seconds, facts.seed, facts.best_validation  # worked out here, so that damage is said here
    except UserError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise UserError(f"{folder}: cannot be understood ({error}); is one of its files damaged?") from error
    return facts


def _read(folder: Path, run: Path | None, evaluation: Path | None) -> Facts:
    found = None if evaluation is None else read_evaluation(evaluation)
    about = {} if found is None else found.protocol
    model, dataset = str(about.get("model", "")), str(about.get("dataset", ""))
    expert = _json(evaluation / "expert.json") if evaluation is not None else {}
    if run is None:
        return Facts(name=folder.name, model=model, dataset=dataset, evaluation=found, expert=expert)
    files = RunFolder(run)
    status = files.status()
    lines = files.read_metrics()
    steps, total = (None if (value := status.get(key)) is None else int(value) for key in ("steps", "total_steps"))
    score = None if status.get("best_score") is None else float(status["best_score"])
    if not status.get("finished") and lines:
        steps, score = lines[-1]["step"], _best(lines, score)
    return Facts(
        name=run.name, run=run, model=str(status.get("model", model)),
        dataset=dataset or str(status.get("dataset", "")), profile=str(status.get("profile") or ""),
        created=str(status.get("created") or ""), finished=bool(status.get("finished")),
        note=str(status.get("note") or ""), total_steps=total, steps=steps, best_score=score,
        started_from=list(status.get("started_from") or []), changes=list(status.get("changes") or []),
        config=_config(files.config_file), environment=_json(files.environment_file), lines=lines,
        evaluation=found, expert=expert,
    )  # fmt: skip


def read_runs(runs: Iterable[RunFolder]) -> tuple[list[Facts], list[str]]:
    """Read runs in their order; damaged ones are passed over, with a line that says why."""
    found, problems = [], []
    for one in runs:
        try:
            found.append(read_facts(one.path))
        except UserError as error:
            problems.append(f"{one.path} is passed over: {error}")
    return found, problems


def _best(lines: list[dict[str, Any]], noted: float | None) -> float | None:
    """The lowest validation loss of a training that goes on, or was cut short."""
    losses = [line["loss"] for line in lines if line.get("split") == "valid" and "loss" in line]
    return min(losses, default=noted)


def _json(path: Path) -> dict[str, Any]:
    return dict(read_json(path)) if path.is_file() else {}


def _config(path: Path) -> dict[str, Any]:
    """Plain data: runs of models that are not installed here can be shown too."""
    return read_config(path) if path.is_file() else {}
