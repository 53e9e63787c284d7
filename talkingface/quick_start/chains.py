"""What the command words do: checks first, then the stages of the chain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from talkingface.config.loader import Overrides
from talkingface.config.schema import Config
from talkingface.quick_start.data_stages import check_data, data_stages
from talkingface.quick_start.judge_stages import Judgement
from talkingface.quick_start.parts import Part, best_of, choose_run, make_part
from talkingface.quick_start.resolve import DatasetChoice, choose_dataset
from talkingface.quick_start.stages import Stage, run_stages, show_plan
from talkingface.quick_start.train_stages import Runs, check_needs, to_train, train_stages, trained_weights
from talkingface.trainer.run_folder import RunFolder
from talkingface.utils.device import pick_device
from talkingface.utils.errors import UserError

Say = Callable[[str], None]


@dataclass(kw_only=True)
class Chain:
    """A command on one model and one dataset: the plan, and what came of it."""

    part: Part
    dataset: DatasetChoice
    overrides: Overrides
    runs: Runs = field(default_factory=dict)
    judgement: Judgement | None = None

    @property
    def config(self) -> Config:
        return self.part.config

    @property
    def run(self) -> RunFolder | None:
        """The run of the model asked for: made now, or standing."""
        return self.runs.get(self.part.row.name) or choose_run(self.part).run

    def data(self) -> list[Stage]:
        """Stages up to what training reads."""
        readers = [one.config for one in to_train(self.part)] or [self.config]
        return data_stages(self.dataset.row, readers)

    def train(self) -> list[Stage]:
        """Data, then every model that is to be trained."""
        return [*self.data(), *train_stages(self.part, self.runs)]

    def all(self) -> list[Stage]:
        """Data and training; evaluation and a sample for models that draw faces."""
        return [*self.train(), *self.judge()]

    def judge(self) -> list[Stage]:
        if not self.part.row.makes_video:
            return []
        self.judgement = Judgement(
            dataset=self.dataset,
            overrides=self.overrides,
            config=self.config,
            model=self.part.row.name,
            checkpoint=lambda: trained_weights(self.part, self.runs),
            folder=lambda: trained_weights(self.part, self.runs).parent.parent / "evaluation",
        )
        return self.judgement.stages()


def make_chain(model: str, dataset: str, overrides: Overrides) -> Chain:
    """Resolve names and configurations.

    Raises:
        UserError: all that is wrong with them.
    """
    choice = choose_dataset(dataset, overrides)
    return Chain(part=make_part(model, choice, overrides), dataset=choice, overrides=overrides)


def check(chain: Chain) -> list[str]:
    """Look at everything that can be wrong before work starts; returns a line for each that was looked at.

    Raises:
        UserError: the first thing that is wrong, in the order configuration, device, folders, data, weights.
    """
    config = chain.config
    lines = [f"configuration: {chain.part.row.name} on {config.dataset_name}, {_profile(chain)}"]
    lines.append(f"device: {pick_device(config.run.device)}")
    for folder in (config.run.saved_dir, config.run.log_dir, config.dataset.packed_root):
        _check_writable(Path(folder))
    lines.append(f"data: {check_data(chain.dataset.row, config.dataset)}")
    if not choose_run(chain.part).finished:
        lines += check_needs(chain.part)
    return lines


def _profile(chain: Chain) -> str:
    profile = chain.part.resolved.profile
    return f"profile {profile}" if profile else "no profile"


def _check_writable(folder: Path) -> None:
    import os

    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not there.is_dir():
        raise UserError(f"{folder}: {there} is a file, wanted a folder to write into")
    if not os.access(there, os.W_OK):
        raise UserError(f"{folder}: {there} cannot be written to")


def carry_out(chain: Chain, stages: Callable[[], Sequence[Stage]], *, dry_run: bool, say: Say = print) -> None:
    """Check everything, then run the stages, or only print what they would do."""
    checked = check(chain)
    for line in checked:
        if dry_run or line.startswith("warning"):
            say(line)
    if dry_run:
        show_plan(stages(), say)
    else:
        run_stages(stages(), say)


def summary(chain: Chain) -> list[str]:
    """Where everything is, and what to do with it."""
    run, judgement = chain.run, chain.judgement
    if run is None:
        return []
    lines = ["", f"run      {run.path}", f"weights  {best_of(run)}"]
    if judgement is not None and judgement.evaluation is not None:
        lines.append(f"report   {judgement.evaluation.folder / 'evaluation.md'}")
    if judgement is not None and judgement.sample is not None:
        lines.append(f"video    {judgement.sample}")
    if chain.part.row.makes_video:
        lines.append(
            f"next     python run_talkingface.py generate --checkpoint={run.path} --face=person.mp4 "
            "--audio=speech.wav --output=out.mp4"
        )
    return lines
