"""Where a training is shown: TensorBoard read back, what is missing or fails, and the header of train.log."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata
from tiny import TinyDiscriminator, TinySet, tiny_config, tiny_trainer

from talkingface.batch import Batch
from talkingface.config.plain import read_config
from talkingface.config.schema import Config
from talkingface.model.checkpoint import Stateful
from talkingface.trainer.loggers.logger import CLASSES, Logger, Training, check_loggers, hparams
from talkingface.trainer.loggers.tensorboard_logger import GIF_FPS, GIF_SECONDS, GIF_WIDTH, moving_picture
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.samples import write_clip
from talkingface.trainer.trainer import Trainer
from talkingface.utils.errors import UserError

STEPS = {"max_steps": 6, "log_every": 2, "valid_every": 2, "sample_every": 6}


class WithDiscriminator(Trainer):
    """Trains a second network besides."""

    sample_columns = ("one", "two", "three", "four")

    def set_up(self) -> None:
        self.second = self.part("discriminator", TinyDiscriminator)
        self.other = torch.optim.SGD(self.second.parameters(), lr=0.5)
        for group in self.other.param_groups:
            group["base_lr"] = 0.5

    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        self.optimize(self.other, self.second(batch["gt"]).mean())
        return super().train_step(batch)

    def state(self) -> dict[str, Stateful]:
        return super().state() | {"discriminator": self.second, "discriminator_optimizer": self.other}


def events_of(folder: Path, run: RunFolder) -> EventAccumulator:
    events = EventAccumulator(str(folder / "log" / run.name), size_guidance={"tensors": 0, "images": 0})
    events.Reload()
    return events


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Trainer]]:
    """Two trainings with another learning rate each."""
    folder = tmp_path_factory.mktemp("two")
    trainers = []
    for rate in (1e-2, 1e-3):
        config = tiny_config(folder, **STEPS, learning_rate=rate)
        trainers.append(tiny_trainer(config, kind=WithDiscriminator))
        trainers[-1].fit(TinySet(), TinySet(5))
    return folder, trainers


def test_settings_and_best_metrics_lie_in_the_runs_own_events(two: tuple[Path, list[Trainer]]) -> None:
    folder, trainers = two
    names = {trainer.run.name for trainer in trainers}
    assert {path.name for path in (folder / "log").iterdir()} == names
    assert not [path for path in (folder / "log").glob("*/*") if path.is_dir()], "no folder of a row's own"
    rates = []
    for trainer in trainers:
        events = events_of(folder, trainer.run)
        assert metadata.EXPERIMENT_TAG not in events.summary_metadata, "TensorBoard makes the columns of all rows"
        content = events.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
        settings = metadata.parse_session_start_info_plugin_data(content).hparams
        rates.append(settings["learning_rate"].number_value)
        assert settings["model"].string_value == "Tiny" and settings["max_steps"].number_value == 6
        assert metadata.SESSION_END_INFO_TAG in events.summary_metadata
        best = [point.value for point in events.Scalars("best/loss")]
        valid = [line["loss"] for line in trainer.run.read_metrics() if line["split"] == "valid"]
        assert best == pytest.approx([min(valid[: number + 1]) for number in range(len(valid))])
    assert rates == [1e-2, 1e-3]


def test_what_tensorboard_has_of_a_training(two: tuple[Path, list[Trainer]]) -> None:
    folder, (trainer, _) = two
    events = events_of(folder, trainer.run)
    tags = set(events.Tags()["scalars"])
    wanted = "epoch samples_per_second steps_per_second data_wait learning_rate grad_norm loss"
    assert {f"train/{name}" for name in wanted.split()} <= tags and "train/gpu_memory_gb" not in tags
    assert "valid/epoch" not in tags
    norms = {tag for tag in tags if tag.startswith("weights/")}
    assert norms == {"weights/model", "weights/model.norm", "weights/model.conv", "weights/discriminator"}
    weights = torch.cat([value.detach().flatten() for value in trainer.model.parameters()])
    assert events.Scalars("weights/model")[-1].value == pytest.approx(float(weights.norm()), rel=1e-5)
    line = trainer.run.read_metrics()[0]
    assert line["samples_per_second"] == pytest.approx(4 * line["steps_per_second"])
    assert events.Scalars("train/epoch")[0].value == pytest.approx(line["epoch"])
    assert events.Tags()["images"] == ["samples/one_two_three_four"]


def test_the_other_networks_rate_and_gradients_are_shown(two: tuple[Path, list[Trainer]]) -> None:
    folder, (trainer, _) = two
    lines = [line for line in trainer.run.read_metrics() if line["split"] == "train"]
    assert {line["learning_rate_discriminator"] for line in lines} == {0.5}
    assert all(line["grad_norm_discriminator"] > 0 for line in lines)
    shown = [point.value for point in events_of(folder, trainer.run).Scalars("train/grad_norm_discriminator")]
    assert shown == pytest.approx([line["grad_norm_discriminator"] for line in lines])


def test_the_configuration_is_a_text_that_can_be_read_back(two: tuple[Path, list[Trainer]], tmp_path: Path) -> None:
    folder, (trainer, _) = two
    (held,) = events_of(folder, trainer.run).Tensors("configuration/text_summary")
    text = held.tensor_proto.string_val[0].decode()
    (yaml,) = re.findall(r"^```yaml\n(.*)\n```$", text, flags=re.DOTALL)
    assert yaml.index("# model") < yaml.index("# dataset") < yaml.index("# run")
    file = tmp_path / "config.yaml"
    file.write_text(yaml)
    assert read_config(file) == read_config(trainer.run.config_file)


def test_the_text_log_begins_with_what_is_trained(two: tuple[Path, list[Trainer]]) -> None:
    folder, (trainer, _) = two
    lines = (folder / "log" / trainer.run.name / "train.log").read_text(encoding="utf-8").splitlines()
    told = [line.split(" ", 2)[2] for line in lines[:6]]
    assert told[0] == f"command: {' '.join(sys.orig_argv)}"
    assert re.match(r"talkingface \d\S*, Python 3\.\S+, torch \d\S*, \S+", told[1])
    assert told[2] == f"configuration: {trainer.run.config_file}"
    assert told[3] == "data: 7 samples to train with, 5 samples to validate with"
    assert told[4] == "begins, ends after step 6; 4 samples a step"
    assert re.match(r"device: cpu \(\d+ threads?(, \S+ of \S+ GB free)?\), fp32$", told[5])


def test_a_video_is_a_short_moving_picture(tmp_path: Path) -> None:
    def images() -> Iterator[np.ndarray]:
        for number in range(200):
            image = np.zeros((200, 400, 3), np.uint8)
            image[:, : 2 * number] = (0, 0, 255)
            yield image

    write_clip(tmp_path / "clip.mp4", images(), fps=25, audio_file=None)
    gif, width, height = moving_picture(tmp_path / "clip.mp4")
    with Image.open(io.BytesIO(gif)) as picture:
        assert picture.size == (width, height) == (GIF_WIDTH, 160)
        assert picture.n_frames == GIF_FPS * GIF_SECONDS  # type: ignore[attr-defined]
        picture.seek(50)  # frame 100 of the video: red up to the middle
        red, _, blue = picture.convert("RGB").getpixel((80, 80))  # type: ignore[misc]
        assert red > 200 and blue < 60
    assert len(gif) < 400_000


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_missing_package_ends_it_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    wanted = rf"logger: {name} was asked for and is not installed; pip install -r requirements-{name}.txt"
    with pytest.raises(UserError, match=wanted):
        check_loggers(("tensorboard", name))
    trainer = tiny_trainer(with_loggers(tiny_config(tmp_path, **STEPS), "jsonl", name))
    with pytest.raises(UserError, match=wanted):
        trainer.fit(TinySet(), TinySet(5))
    assert trainer.progress.step == 0 and not list(trainer.run.checkpoints.iterdir())


class Unreachable(Logger):
    """A server that goes away after the first values."""

    is_remote = True

    def __init__(self, training: Training) -> None:
        self.told = 0

    def values(self, split: str, values: Mapping[str, float], step: int) -> None:
        self.told += 1
        if self.told > 1:
            raise ConnectionError("no route to host")


def test_a_server_that_fails_ends_no_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CLASSES, "wandb", f"{__name__}:Unreachable")
    trainer = tiny_trainer(with_loggers(tiny_config(tmp_path, **STEPS), "wandb"))
    assert trainer.fit(TinySet(), TinySet(5)).steps == 6
    folder = tmp_path / "log" / trainer.run.name
    assert (folder / "train.log").read_text().count("warning: wandb failed (no route to host); the training goes") == 1
    assert [path.name for path in folder.iterdir()] == ["train.log"], "TensorBoard was not named"
    assert len(trainer.run.read_metrics()) == 6, "metrics.jsonl is written whether it is named or not"


def with_loggers(config: Config, *names: Any) -> Config:
    return replace(config, run=replace(config.run, logger=names))


def test_settings_are_those_that_tell_trainings_apart(tmp_path: Path) -> None:
    found = hparams(tiny_config(tmp_path, max_steps=5))
    assert found["max_steps"] == 5 and found["seed"] == 0 and found["max_minutes"] == "none"
    assert found["crop_pads"] == "0, 0, 0, 0" and found["correct_offset"] is False
    assert not {"log_every", "device", "saved_dir"} & found.keys()
