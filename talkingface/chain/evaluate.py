"""The stage that evaluates a trained model on the test list, and the one that keeps a dubbed sample to look at."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talkingface import catalog
from talkingface.chain.stage import Look, Stage
from talkingface.chain.workspace import Workspace
from talkingface.config.identity import one_spelling, what_counts
from talkingface.config.plain import to_plain
from talkingface.config.schema import Config, DatasetConfig
from talkingface.data.dataset.filelist import list_path, read_list
from talkingface.data.dataset.sync_file import read_sync
from talkingface.model.trained import Trained
from talkingface.utils.device import pick_device
from talkingface.utils.files import atomic_path

if TYPE_CHECKING:
    from talkingface.evaluator.clip_result import EvalClip
    from talkingface.evaluator.evaluation import Evaluation


@dataclass(kw_only=True)
class ModelEvaluation:
    """A model that draws faces, dubbed and measured on a dataset's test list, and what came of it."""

    workspace: Workspace
    config: Config
    """Of the command; the model's own comes with the checkpoint."""
    trained: Callable[[], Trained]
    """Gives the model, once it has been trained."""
    evaluation: Evaluation | None = None
    sample: Path | None = None

    def stages(self) -> list[Stage]:
        """Dub and measure the test clips; keep a sample of them."""
        return [
            Stage(name="evaluate", look=self._look, work=self._evaluate),
            Stage(name="sample", look=self._look_sample, work=self._keep_sample),
        ]

    @property
    def folder(self) -> Path | None:
        """Where the evaluation is, once it has been made."""
        return None if self.evaluation is None else self.evaluation.folder

    def _look(self) -> Look:
        data = self.config.dataset
        path = list_path(data.filelist_root, "test")
        if path.is_file() and not read_list(path):
            return Look(False, f"{path} is empty")
        if path.is_file() and not test_clips(data):
            return Look(False, f"no videos of the clips in {path} under {data.data_root}")
        expert = self._expert_path()
        return Look(True, "dub and measure the test clips" + (f", sync by {expert}" if expert else ""))

    def _expert_path(self) -> Path | None:
        """Weights of the expert that measures sync, where there are some; none are trained for this."""
        need = catalog.model_row(self.config.model_name).sync_expert
        if need is None:
            return None
        given = getattr(self.config.model, need.path_key, None)
        return self.workspace.weights(self.workspace.part(need.model, asked_for=False), given).path

    def _evaluate(self) -> str:
        from talkingface.evaluator.evaluator import evaluate

        device = pick_device(self.config.run.device)
        trained, path = self.trained(), self._expert_path()
        need = trained.row.sync_expert
        expert = self.workspace.trained(path, model=need.model) if path is not None and need is not None else None
        self.evaluation = evaluate(
            trained.network.to(device),
            trained.config,
            clips=test_clips(self.config.dataset),
            out_dir=evaluation_folder(trained),
            expert=None if expert is None else expert.network.to(device),
            device=device,
            metrics=self.config.run.metrics,
            progress=self.config.run.show_progress,
        )
        return "\n".join([*self.evaluation.table.splitlines(), f"report in {self.evaluation.folder}"])

    def _look_sample(self) -> Look:
        look = self._look()
        return Look(True, "keep one dubbed test clip to look at") if look.todo else look

    def _keep_sample(self) -> str:
        assert self.evaluation is not None
        video = sample_video(self.evaluation)
        self.sample = self.evaluation.folder.parent / "videos" / "sample.mp4"
        with atomic_path(self.sample) as temporary:
            shutil.copyfile(video, temporary)
        return f"{self.sample} (from {video.name})"


@dataclass(kw_only=True)
class ExpertEvaluation:
    """A model that draws no faces, such as a sync expert, evaluated on the test list by its row's own function."""

    config: Config
    """Of the command; the model's own comes with the checkpoint."""
    trained: Callable[[], Trained]
    """Gives the model, once it has been trained."""
    folder: Path | None = None

    def stages(self) -> list[Stage]:
        """Measure it on the test clips."""
        return [Stage(name="evaluate", look=self._look, work=self._evaluate)]

    def _look(self) -> Look:
        path = list_path(self.config.dataset.filelist_root, "test")
        if path.is_file() and not read_list(path):
            return Look(False, f"{path} is empty")
        return Look(True, "measure it on the test clips")

    def _evaluate(self) -> str:
        trained = self.trained()
        device = pick_device(self.config.run.device)
        self.folder = evaluation_folder(trained)
        lines = catalog.load(str(trained.row.evaluate_by))(
            trained.network.to(device),
            catalog.load(trained.row.dataset)(trained.config, "test"),
            out_dir=self.folder,
            device=device,
            precision=self.config.run.precision,
            progress=self.config.run.show_progress,
        )
        return "\n      ".join([*lines, f"report in {self.folder}"])


def evaluation_of(
    workspace: Workspace, config: Config, trained: Callable[[], Trained]
) -> ModelEvaluation | ExpertEvaluation | None:
    """The kind of evaluation that a model's row asks for; None for a model that there is none for."""
    row: Any = catalog.model_row(config.model_name)
    if row.makes_video:
        return ModelEvaluation(workspace=workspace, config=config, trained=trained)
    return ExpertEvaluation(config=config, trained=trained) if row.evaluate_by is not None else None


def test_clips(config: DatasetConfig) -> list[EvalClip]:
    """Videos of the test list, each once, with whether training has seen their speaker."""
    from talkingface.evaluator.clip_result import EvalClip

    def speakers(split: str) -> set[str]:
        path = list_path(config.filelist_root, split)
        return {name.split("/")[0] for name in read_list(path)} if path.is_file() else set()

    path, seen = list_path(config.filelist_root, "test"), speakers("train")
    videos, apart = source_videos(config), _out_of_sync(config)
    found: dict[Path, EvalClip] = {}
    for name in read_list(path) if path.is_file() else []:
        if name in videos and name not in apart and videos[name] not in found:
            found[videos[name]] = EvalClip(name=name, video=videos[name], speaker_seen=name.split("/")[0] in seen)
    return list(found.values())


def _out_of_sync(config: DatasetConfig) -> set[str]:
    """Clips whose lips do not fit their own sound, as far as that was asked for: nothing to measure a model against."""
    if not config.uses_sync:
        return set()
    return {name for name, row in read_sync(config.packed_root).items() if row.problem(config) or row.offset}


def source_videos(config: DatasetConfig) -> dict[str, Path]:
    """The video of every usable clip that has one, from the manifest of the preparation."""
    manifest = Path(config.preprocessed_root) / "manifest.jsonl"
    if not manifest.is_file():
        return {}
    rows = map(json.loads, manifest.read_text(encoding="utf-8").splitlines())
    videos = {
        row["name"]: Path(config.data_root, row["source"]) for row in rows if row["status"] == "ok" and row["source"]
    }
    return {name: video for name, video in videos.items() if video.is_file()}


def sample_video(evaluation: Evaluation) -> Path:
    """A dubbed clip to show: with another clip's sound and of a speaker new to the model, where there is one."""
    clip = min(
        (clip for clip in evaluation.clips if clip.failed is None),
        key=lambda clip: (clip.sound_from is None, clip.speaker_seen),
    )
    videos = evaluation.folder / "videos"
    if clip.sound_from is None:
        return videos / f"{clip.name}.mp4"
    return videos / f"{clip.name}__{clip.sound_from.replace('/', '-')}.mp4"


def evaluation_folder(trained: Trained) -> Path:
    """Beside the run where the weights are of one, else under saved/; one folder for each checkpoint and dataset."""
    path, config = trained.path, trained.config
    of_run = path.parent.name == "checkpoints" and (path.parent.parent / "config.yaml").is_file()
    if not of_run:
        return Path(config.run.saved_dir) / f"evaluation-{config.model_name}-{path.stem}-{config.dataset_name}"
    name = "evaluation" if path.stem == "best" else f"evaluation-{path.stem}"
    data = _which_data(config)
    if trained.header and _which_data(trained.header.config, like=config) != data:  # the report on its own data stays
        mark = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:8]
        name += f"-{config.dataset_name}-{mark}"
    return path.parent.parent / name


def _which_data(config: Config | Mapping[str, Any], *, like: Config | None = None) -> dict[str, Any]:
    """What decides which clips are evaluated: the dataset, where it lies, and how it was prepared.

    Args:
        config: a configuration, or one stored as plain data.
        like: a configuration whose schemas plain data are read by.
    """
    plain = to_plain(config) if isinstance(config, Config) else config
    counts, folders = what_counts(config, like=like), ("data_root", "filelist_root", "preprocessed_root")
    values = {key: value for key, value in counts.items() if key in plain["dataset"]}
    places = {key: one_spelling(plain["dataset"][key]) for key in folders if key in plain["dataset"]}
    return {"dataset_name": counts["dataset_name"], **values, **places}
