"""The evaluation of two folders of videos: no model and no dataset are needed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from talkingface import catalog
from talkingface.catalog.resolve import DatasetChoice, resolve
from talkingface.chain.report import ReportStage
from talkingface.chain.stage import Look, Stage
from talkingface.config.loader import Overrides
from talkingface.config.schema import Config
from talkingface.model.checkpoint import ForeignCheckpointError, checkpoint_file
from talkingface.model.trained import NO_DATASET, Trained, load_trained
from talkingface.utils.device import pick_device
from talkingface.utils.errors import UserError

if TYPE_CHECKING:
    from talkingface.evaluator.protocols.folders import Paired
    from talkingface.evaluator.scorer import Scorer


@dataclass(kw_only=True)
class FolderEvaluation:
    """Generated and real videos, and where the numbers go."""

    config: Config
    paired: Paired
    out_dir: Path
    expert: Trained | None
    """A sync expert."""

    def stages(self) -> list[Stage]:
        """Measure, then write the page."""
        measure = Stage(name="evaluate", look=self._look, work=self._work)
        return [measure, ReportStage(evaluation=lambda: self.out_dir).stage()]

    def _look(self) -> Look:
        sync = f", sync by {self.expert.path}" if self.expert else ""
        alone = "".join(f"; {line}" for line in self.paired.alone())
        return Look(True, f"{len(self.paired.pairs)} pairs of videos{sync}, to {self.out_dir}{alone}")

    def _work(self) -> str:
        from talkingface.evaluator.protocols.folders import evaluate_folders

        progress = self.config.run.show_progress
        done = evaluate_folders(self.paired, self._scorer(), out_dir=self.out_dir, progress=progress)
        lines = done.table.splitlines()
        lines += [f"not measured: {title} ({reason})" for title, reason in done.not_measured.items()]
        lines += [f"left out: {name}: {reason}" for name, reason in done.failed.items()]
        return "\n".join([*lines, f"numbers in {self.out_dir}"])

    def _scorer(self) -> Scorer:
        from talkingface.evaluator.scorer import Scorer

        device, expert = pick_device(self.config.run.device), self.expert
        return Scorer.from_config(
            self.config, device, expert=expert.network.to(device) if expert else None, needs_sound=False,
            mel_pad_mode=expert.config.model.mel_pad_mode if expert else None,
        )  # fmt: skip


def folder_evaluation(
    generated: str, real: str, *, output: str | None = None, overrides: Overrides | None = None
) -> FolderEvaluation:
    """Check what is given; writes nothing.

    Args:
        generated: folder of videos, by whatever system.
        real: folder of the videos that they shall equal, by the same names.
        output: folder of the results; by default one under saved_dir that both folders decide.
        overrides: device, metrics, sync_expert (weights of an expert) and other keys.

    Raises:
        UserError: a folder is missing or nothing belongs together, a metric is unknown, weights cannot be used.
    """
    from talkingface.evaluator.metrics.registry import make_metrics
    from talkingface.evaluator.protocols.folders import pair_videos

    choice = DatasetChoice(name=NO_DATASET, row=catalog.VIDEOS)
    config = resolve(None, choice, overrides).config
    make_metrics(config.run.metrics)
    pick_device(config.run.device)
    path = _expert(config)
    expert = None if path is None else load_expert(path)
    paired = pair_videos(Path(generated), Path(real))
    place = Path(output) if output else _place(config, generated, real)
    for folder in (generated, real):
        if place.resolve().is_relative_to(Path(folder).resolve()):
            raise UserError(f"{place}: results would be written into {folder}, which is yours; give --output elsewhere")
    return FolderEvaluation(config=config, paired=paired, expert=expert, out_dir=place)


def _place(config: Config, generated: str, real: str) -> Path:
    made = Path(generated).resolve()
    mark = hashlib.sha256(f"{made} {Path(real).resolve()}".encode()).hexdigest()[:8]
    return Path(config.run.saved_dir) / f"evaluation-{made.name}-{mark}"


def _expert(config: Config) -> Path | None:
    """The expert given as sync_expert, else one that lies in checkpoints_dir."""
    if config.dataset.sync_expert is not None:
        return checkpoint_file(config.dataset.sync_expert)
    files = (
        Path(config.run.checkpoints_dir, f"{row.name}.pth") for row in catalog.MODELS if row.evaluate_by is not None
    )
    return next((file for file in files if file.is_file()), None)


def load_expert(path: Path) -> Trained:
    """An expert's weights, ours or those of an original project, which are known by their file's name.

    Raises:
        UserError: it is of a model that measures no sync.
    """
    try:
        trained = load_trained(path)
    except ForeignCheckpointError:
        names = [row.name for row in catalog.MODELS if row.evaluate_by is not None]
        if path.stem not in names:
            raise UserError(
                f"{path}: does not say of which expert it is; name the file {' or '.join(names)}.pth"
            ) from None
        trained = load_trained(path, model=path.stem)
    if trained.row.evaluate_by is None:
        raise UserError(f"{path}: is of {trained.row.name}, which measures no sync; wanted weights of a sync expert")
    return trained
