"""Stages that show what a trained model can do: measured on the test list, and a dubbed sample to look at.

The stage that measures a model which draws no faces, such as a sync expert, on the test list.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talkingface import catalog
from talkingface.catalog.resolve import DatasetChoice
from talkingface.chain.stage import Look, Stage
from talkingface.chain.workspace import find_weights, make_part
from talkingface.config.loader import Overrides
from talkingface.config.plain import to_plain
from talkingface.config.schema import Config, DatasetConfig
from talkingface.data.dataset.filelist import list_path, read_list
from talkingface.data.dataset.sync_file import read_sync
from talkingface.model.trained import Trained, load_trained
from talkingface.utils.device import pick_device
from talkingface.utils.files import atomic_path

if TYPE_CHECKING:
    import torch

    from talkingface.evaluator.clip_result import EvalClip
    from talkingface.evaluator.evaluation import Evaluation


@dataclass(kw_only=True)
class Judgement:
    """A trained model on a dataset's test list, and what came of it."""

    dataset: DatasetChoice
    overrides: Overrides
    config: Config
    """Of the command; the model's own comes with the checkpoint."""
    load: Callable[[], Trained]
    """Gives the model, once it has been trained."""
    evaluation: Evaluation | None = None
    sample: Path | None = None

    def measure(self) -> Stage:
        """Dub the test clips and measure them."""
        return Stage(name="evaluate", look=self._look, work=self._evaluate)

    def show(self) -> Stage:
        """Keep a sample of them; after `measure`."""
        return Stage(name="sample", look=self._look_sample, work=self._keep_sample)

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
        judge = self._expert_path()
        return Look(True, "dub and measure the test clips" + (f", sync by {judge}" if judge else ""))

    def _expert_path(self) -> Path | None:
        """Weights of the expert that measures sync, where there are some; none are trained for this."""
        row = catalog.model_row(self.config.model_name)
        if row.judge is None:
            return None
        given = getattr(self.config.model, row.judge.path_key, None)
        part = make_part(row.judge.model, self.dataset, self.overrides, asked_for=False)
        return find_weights(part, given).path

    def _evaluate(self) -> str:
        from talkingface.evaluator.evaluator import evaluate

        device = pick_device(self.config.run.device)
        trained = self.load()
        self.evaluation = evaluate(
            trained.network.to(device),
            trained.config,
            clips=test_clips(self.config.dataset),
            out_dir=evaluation_folder(trained),
            expert=self._expert(device),
            device=device,
            metrics=self.config.run.metrics,
            progress=self.config.run.show_progress,
        )
        return "\n".join([*self.evaluation.table.splitlines(), f"report in {self.evaluation.folder}"])

    def _expert(self, device: torch.device) -> Any:
        path = self._expert_path()
        row = catalog.model_row(self.config.model_name)
        if path is None or row.judge is None:
            return None
        return load_trained(path, model=row.judge.model).network.to(device)

    def _look_sample(self) -> Look:
        return Look(True, "keep one dubbed test clip to look at") if self._look().todo else self._look()

    def _keep_sample(self) -> str:
        assert self.evaluation is not None
        video = sample_video(self.evaluation)
        self.sample = self.evaluation.folder.parent / "videos" / "sample.mp4"
        with atomic_path(self.sample) as temporary:
            shutil.copyfile(video, temporary)
        return f"{self.sample} (from {video.name})"


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
    order = sorted(
        (clip for clip in evaluation.clips if clip.failed is None),
        key=lambda clip: (clip.sound_from is None, clip.speaker_seen),
    )
    clip = order[0]
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
    data = to_plain(config)["dataset"]
    if trained.header and trained.header.config["dataset"] != data:  # other videos: the report on its own stays
        mark = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:8]
        name += f"-{config.dataset_name}-{mark}"
    return path.parent.parent / name


@dataclass(kw_only=True)
class Examination:
    """A trained model on a dataset's test list, and where the report is."""

    config: Config
    """Of the command; the model's own comes with the checkpoint."""
    load: Callable[[], Trained]
    """Gives the model, once it has been trained."""
    folder: Path | None = None

    def measure(self) -> Stage:
        """Run the function that the model's row names."""
        return Stage(name="evaluate", look=self._look, work=self._examine)

    def _look(self) -> Look:
        path = list_path(self.config.dataset.filelist_root, "test")
        if path.is_file() and not read_list(path):
            return Look(False, f"{path} is empty")
        return Look(True, "measure it on the test clips")

    def _examine(self) -> str:
        trained = self.load()
        device = pick_device(self.config.run.device)
        self.folder = evaluation_folder(trained)
        lines = catalog.load(str(trained.row.examine))(
            trained.network.to(device),
            catalog.load(trained.row.dataset)(trained.config, "test"),
            out_dir=self.folder,
            device=device,
            precision=self.config.run.precision,
            progress=self.config.run.show_progress,
        )
        return "\n      ".join([*lines, f"report in {self.folder}"])
