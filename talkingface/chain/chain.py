"""From videos to an evaluated model: the stages of `prepare`, `train` and `run`, checked before they start."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from talkingface.chain.evaluate import ExpertEvaluation, ModelEvaluation, evaluation_of
from talkingface.chain.pack import pack_stages
from talkingface.chain.part import Part
from talkingface.chain.plan import Plan, check, check_run, make_plan
from talkingface.chain.prepare import check_data, video_stages
from talkingface.chain.report import ReportStage
from talkingface.chain.resume import resumed, resumed_workspace
from talkingface.chain.stage import Say, Stage, run_stages, show_plan
from talkingface.chain.sync import sync_plan
from talkingface.chain.train import train_stages, trained_weights
from talkingface.chain.workspace import Workspace
from talkingface.config.loader import Overrides
from talkingface.config.schema import Config
from talkingface.data.dataprocess.steps.list_check import check_lists
from talkingface.model.checkpoint import best_checkpoint, checkpoint_file
from talkingface.model.trained import Trained
from talkingface.trainer import distributed
from talkingface.trainer.run_folder import RunFolder
from talkingface.utils.device import pick_device
from talkingface.utils.errors import CheckpointError, UserError
from talkingface.utils.logger import show_lines
from talkingface.utils.main_guard import check_main_guard

Until = Literal["prepare", "train", "run"]


@dataclass(kw_only=True)
class Chain:
    """A command on one model and one dataset: the plan, and what came of it."""

    workspace: Workspace
    plan: Plan
    """The model asked for, and what its training takes."""
    evaluation: ModelEvaluation | ExpertEvaluation | None = None
    report: ReportStage | None = None

    @property
    def part(self) -> Part:
        """The model asked for."""
        return self.plan.part

    @property
    def config(self) -> Config:
        return self.part.config

    @property
    def run(self) -> RunFolder | None:
        """The run of the model asked for: made now, or standing."""
        return self.workspace.used.get(self.part.row.name) or self.workspace.choose_run(self.part).run

    def data(self) -> list[Stage]:
        """Stages up to what training reads."""
        row, workspace = self.part.row, self.workspace
        finished = [self.part] if row.process is None else []
        readers = [one.config for one in self.plan.readers or finished]
        expert = row.sync_expert.model if row.sync_expert else row.name if row.evaluate_by else None
        sync = sync_plan(workspace, self.config, model=expert)
        if sync is None:
            return [*video_stages(workspace.dataset.row, self.config), *pack_stages(readers)]
        return [*sync.stages, *pack_stages(readers, packed=[sync.packed])]

    def train(self) -> list[Stage]:
        """Data, then every model that is to be trained."""
        return [*self.data(), *train_stages(self.workspace, self.plan)]

    def all(self) -> list[Stage]:
        """The whole chain: at its end the evaluation, a sample for models that draw faces, and a page about the run."""
        self.evaluation = evaluation_of(self.workspace, self.config, self._trained)
        evaluation = self.evaluation
        folder: Callable[[], Path | None] = (lambda: evaluation.folder) if evaluation is not None else lambda: None
        self.report = ReportStage(evaluation=folder, run=lambda: self.run.path if self.run else None)
        return [*self.train(), *(evaluation.stages() if evaluation is not None else []), self.report.stage()]

    def _trained(self) -> Trained:
        path = trained_weights(self.workspace, self.part)
        return self.workspace.trained(path, model=self.part.row.name, on_dataset=True)


def make_chain(model: str | None, dataset: str | None, overrides: Overrides) -> Chain:
    """Resolve names and configurations.

    Args:
        model: name of a catalog row; need not be given where `resume` names a run.
        dataset: what `--dataset` stands for; likewise.
        overrides: the user's layers.

    Raises:
        UserError: all that is wrong with them.
    """
    if (found := resumed(overrides, model, dataset)) is not None:
        workspace, part = resumed_workspace(found)
        return Chain(workspace=workspace, plan=make_plan(workspace, part))
    if model is None or dataset is None:
        raise UserError("wanted --model and --dataset, or --resume=RUN")
    workspace = Workspace.of(dataset, overrides)
    return Chain(workspace=workspace, plan=make_plan(workspace, workspace.part(model)))


def carry_out(chain: Chain, until: Until, *, dry_run: bool = False, say: Say = print) -> None:
    """Check everything, then run the stages, or only print what they would do.

    Args:
        chain: model and dataset.
        until: `prepare`, `train` or `run`, the last stage's command word.
        dry_run: write nothing.
        say: takes the lines that tell what happens.

    Raises:
        UserError: something given cannot be used.
    """
    check_main_guard()
    make = {"prepare": chain.data, "train": chain.train, "run": chain.all}
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        _together(chain, until, say)
        return
    for line in check(chain.workspace, chain.plan):
        if dry_run or line.startswith("warning"):
            say(line)
    if dry_run:
        show_plan(make[until](), say)
        return
    show_lines()
    run_stages(make[until](), say)
    if until != "prepare":
        for line in summary(chain):
            say(line)


def carry_out_data(dataset: str, overrides: Overrides, *, dry_run: bool = False, say: Say = print) -> None:
    """Prepare a dataset without a model: all but the packing, whose size of faces a model decides.

    Raises:
        UserError: something given cannot be used, or there are no data.
    """
    check_main_guard()
    workspace = Workspace.of(dataset, overrides)
    config = workspace.resolved(None, asked_for=False).config
    check_data(workspace.dataset.row, config.dataset)
    sync = sync_plan(workspace, config, model=None)
    stages = sync.stages if sync else video_stages(workspace.dataset.row, config)
    (show_plan if dry_run else run_stages)(stages, say)


def carry_out_evaluation(
    overrides: Overrides,
    *,
    checkpoint: str | None = None,
    model: str | None = None,
    dataset: str | None = None,
    dry_run: bool = False,
    say: Say = print,
) -> ModelEvaluation | ExpertEvaluation:
    """Evaluate trained weights and write the page about them.

    Args:
        overrides: the user's layers, above the checkpoint's values.
        checkpoint: a run's folder or a .pth file; None takes what `train` made with this configuration, else the newest
            weights there are.
        model: needed without a checkpoint, and for one of an original project.
        dataset: data to evaluate on; None takes those that the checkpoint was trained on.
        dry_run: write nothing.
        say: takes the lines that tell what happens.

    Raises:
        CheckpointError: nothing has been trained; missing, damaged, of another model, or of an original project and no
            dataset is given.
        UserError: the configuration does not fit, or there is no evaluation for such a model.
    """
    if checkpoint is None:
        if model is None or dataset is None:
            raise UserError("evaluate: needs --checkpoint, or --model and --dataset")
        chain = make_chain(model, dataset, overrides)
        workspace, path = chain.workspace, trained_weights(chain.workspace, chain.part)
        trained = workspace.trained(path, model=model, on_dataset=True)
    else:
        path = checkpoint_file(checkpoint)
        trained = _trained_of(path, model=model, dataset=dataset, overrides=overrides)
        workspace = Workspace(trained.dataset, trained.overrides)
    evaluation = evaluation_of(workspace, trained.config, lambda: trained)
    if evaluation is None:
        raise UserError(f"{path}: is of {trained.row.name}, for which there is no evaluation")
    check_run(trained.config.run)
    check_lists(evaluation.config.dataset)
    stages = [*evaluation.stages()[:1], ReportStage(evaluation=lambda: evaluation.folder).stage()]
    (show_plan if dry_run else run_stages)(stages, say)
    return evaluation


def _trained_of(path: Path, *, model: str | None, dataset: str | None, overrides: Overrides) -> Trained:
    """The network of a checkpoint, on the data that it was trained on or on others."""
    from talkingface.catalog.resolve import choose_dataset
    from talkingface.model.trained import load_trained

    choice = None if dataset is None else choose_dataset(dataset, overrides)
    trained = load_trained(path, model=model, dataset=choice, overrides=overrides)
    if trained.header is None and dataset is None:
        raise CheckpointError(f"{path}: does not say what it was trained on; give --dataset to evaluate it on")
    return trained


def _together(chain: Chain, until: Until, say: Say) -> None:
    """Train in several processes that torchrun started, on data that are packed already."""
    if until != "train":
        raise UserError(
            f"{until}: runs in one process; under torchrun use the command `train`, after `prepare` without torchrun"
        )
    check_lists(chain.config.dataset)
    distributed.start(pick_device(chain.config.run.device))
    stages = train_stages(chain.workspace, chain.plan)
    if distributed.rank() == 0:
        show_lines()
    distributed.barrier()  # all have seen the same runs before the first makes a new one
    run_stages(stages, say if distributed.rank() == 0 else lambda line: None)


def summary(chain: Chain) -> list[str]:
    """Where everything is, and what to do with it."""
    run, evaluation = chain.run, chain.evaluation
    if run is None:
        return []
    lines = ["", f"run      {run.path}", f"weights  {best_checkpoint(run.path)}"]
    if chain.report is not None and chain.report.path is not None:
        lines.append(f"report   {chain.report.path}")
    if isinstance(evaluation, ModelEvaluation) and evaluation.sample is not None:
        lines.append(f"video    {evaluation.sample}")
    if chain.part.row.makes_video:
        lines.append(
            f"next     python run_talkingface.py generate --checkpoint={run.path} --face=person.mp4 "
            "--audio=speech.wav --output=out.mp4"
        )
    return lines
