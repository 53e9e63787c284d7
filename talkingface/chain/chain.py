"""From videos to a judged model: the stages of `prepare`, `train` and `run`, checked before they start.

Everything that can be found wrong before work starts.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from talkingface import catalog
from talkingface.catalog.resolve import DatasetChoice, choose_dataset, resolve
from talkingface.chain.evaluate import Examination, Judgement
from talkingface.chain.prepare import check_data, pack_stages, video_stages
from talkingface.chain.report import Reporting
from talkingface.chain.stage import Say, Stage, run_stages, show_plan
from talkingface.chain.sync import sync_plan
from talkingface.chain.train import Runs, check_needs, missing, packed_readers, train_stages, trained_weights
from talkingface.chain.workspace import Part, choose_run, make_part
from talkingface.config.loader import Overrides
from talkingface.config.schema import Config
from talkingface.model.checkpoint import best_checkpoint
from talkingface.model.trained import Trained, load_trained
from talkingface.trainer import distributed
from talkingface.trainer.run_folder import RunFolder
from talkingface.utils.device import pick_device
from talkingface.utils.errors import UserError
from talkingface.utils.logger import init_logger

Until = Literal["prepare", "train", "run"]


@dataclass(kw_only=True)
class Chain:
    """A command on one model and one dataset: the plan, and what came of it."""

    part: Part
    dataset: DatasetChoice
    overrides: Overrides
    runs: Runs = field(default_factory=dict)
    judgement: Judgement | None = None
    reporting: Reporting | None = None

    @property
    def config(self) -> Config:
        return self.part.config

    @property
    def run(self) -> RunFolder | None:
        """The run of the model asked for: made now, or standing."""
        return self.runs.get(self.part.row.name) or choose_run(self.part).run

    def data(self) -> list[Stage]:
        """Stages up to what training reads."""
        finished = [self.part] if self.part.row.process is None else []
        readers = [one.config for one in packed_readers(self.part) or finished]
        sync = sync_plan(self.dataset, self.config, self.overrides, model=self._expert())
        if sync is None:
            return [*video_stages(self.dataset.row, self.config), *pack_stages(readers)]
        return [*sync.stages, *pack_stages(readers, packed=[sync.packed])]

    def _expert(self) -> str | None:
        """The model that judges sync for the one asked for: its judge, or itself."""
        row = self.part.row
        return row.judge.model if row.judge else row.name if row.examine else None

    def train(self) -> list[Stage]:
        """Data, then every model that is to be trained."""
        return [*self.data(), *train_stages(self.part, self.runs)]

    def all(self) -> list[Stage]:
        """The whole chain."""
        return [*self.train(), *self.judge()]

    def judge(self) -> list[Stage]:
        """Evaluation and a sample, for models that draw faces, and a page about the run."""
        if not self.part.row.makes_video:
            if self.part.row.examine is None:
                return [self._report(lambda: None)]
            examination = Examination(config=self.config, load=self._trained)
            return [examination.measure(), self._report(lambda: examination.folder)]
        self.judgement = Judgement(
            dataset=self.dataset,
            overrides=self.overrides,
            config=self.config,
            load=self._trained,
        )
        judgement = self.judgement
        return [judgement.measure(), judgement.show(), self._report(lambda: judgement.folder)]

    def _report(self, evaluation: Callable[[], Path | None]) -> Stage:
        self.reporting = Reporting(evaluation=evaluation, run=lambda: self.run.path if self.run else None)
        return self.reporting.write()

    def _trained(self) -> Trained:
        path = trained_weights(self.part, self.runs)
        return load_trained(path, model=self.part.row.name, dataset=self.dataset, overrides=self.overrides)


def make_chain(model: str, dataset: str, overrides: Overrides) -> Chain:
    """Resolve names and configurations.

    Raises:
        UserError: all that is wrong with them.
    """
    choice = choose_dataset(dataset, overrides)
    return Chain(part=make_part(model, choice, overrides), dataset=choice, overrides=overrides)


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
    make = {"prepare": chain.data, "train": chain.train, "run": chain.all}
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        _together(chain, until, say)
        return
    checked = check(chain.part, chain.dataset)
    for line in checked:
        if dry_run or line.startswith("warning"):
            say(line)
    if dry_run:
        show_plan(make[until](), say)
        return
    if not chain.config.run.show_progress:
        init_logger()  # lines instead of bars
    run_stages(make[until](), say)
    if until != "prepare":
        for line in summary(chain):
            say(line)


def carry_out_data(dataset: str, overrides: Overrides, *, dry_run: bool = False, say: Say = print) -> None:
    """Prepare a dataset without a model: all but the packing, whose size of faces a model decides.

    Raises:
        UserError: something given cannot be used, or there are no data.
    """
    choice = choose_dataset(dataset, overrides)
    config = resolve(None, choice, overrides, asked_for=False).config
    check_data(choice.row, config.dataset)
    sync = sync_plan(choice, config, overrides, model=None)
    stages = sync.stages if sync else video_stages(choice.row, config)
    (show_plan if dry_run else run_stages)(stages, say)


def _together(chain: Chain, until: Until, say: Say) -> None:
    """Train in several processes that torchrun started, on data that are packed already."""
    if until != "train":
        raise UserError(
            f"{until}: runs in one process; under torchrun use the command `train`, after `prepare` without torchrun"
        )
    distributed.start(pick_device(chain.config.run.device))
    stages = train_stages(chain.part, chain.runs)
    distributed.barrier()  # all have seen the same runs before the first makes a new one
    run_stages(stages, say if distributed.rank() == 0 else lambda line: None)


def summary(chain: Chain) -> list[str]:
    """Where everything is, and what to do with it."""
    run, judgement = chain.run, chain.judgement
    if run is None:
        return []
    lines = ["", f"run      {run.path}", f"weights  {best_checkpoint(run.path)}"]
    if chain.reporting is not None and chain.reporting.path is not None:
        lines.append(f"report   {chain.reporting.path}")
    if judgement is not None and judgement.sample is not None:
        lines.append(f"video    {judgement.sample}")
    if chain.part.row.makes_video:
        lines.append(
            f"next     python run_talkingface.py generate --checkpoint={run.path} --face=person.mp4 "
            "--audio=speech.wav --output=out.mp4"
        )
    return lines


def check(part: Part, dataset: DatasetChoice) -> list[str]:
    """Look at device, folders, data and needed weights; returns a line for each, warnings included. Writes nothing.

    Raises:
        UserError: the first thing that is wrong.
    """
    config, profile = part.config, part.resolved.profile
    lines = [f"configuration: {part.row.name} on {config.dataset_name}, profile {profile or 'none'}"]
    lines.append(f"device: {pick_device(config.run.device)}, precision {config.run.precision}")
    if config.run.metrics is not None:
        from talkingface.evaluator.metrics.registry import make_metrics

        make_metrics(config.run.metrics)
    for folder in (config.run.saved_dir, config.run.log_dir, config.dataset.packed_root):
        _check_writable(Path(folder))
    lines.append(f"data: {check_data(dataset.row, config.dataset)}")
    if not choose_run(part).finished:
        lines += check_needs(part)
        for one in [*missing(part), part]:
            catalog.load(one.row.trainer).check(one.config)
    return lines


def _check_writable(folder: Path) -> None:
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not there.is_dir():
        raise UserError(f"{folder}: {there} is a file, wanted a folder to write into")
    if not os.access(there, os.W_OK):
        raise UserError(f"{folder}: {there} cannot be written to")
