"""A configuration as plain data, and as files that `--config_files` takes back."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from itertools import product
from pathlib import Path

import pytest
import yaml

from talkingface import catalog
from talkingface.catalog.resolve import resolve
from talkingface.config.loader import Overrides
from talkingface.config.plain import WIDTH, meanings, read_config, show, to_plain, to_yaml
from talkingface.config.schema import Config, ConfigError, RunConfig
from talkingface.config.yaml_file import FlagText

STORED = json.loads((Path(__file__).parent / "stored_by_0_1.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    return tmp_path


def given(path: Path, model: str = "HyperLipsBase", dataset: str = "./videos") -> Config:
    return resolve(model, dataset, Overrides(files=(str(path),))).config


def test_plain_data_are_numbers_text_lists_and_none():
    plain = to_plain(resolve("HyperLipsBase", "./videos").config)
    assert plain == json.loads(json.dumps(plain))
    assert plain["dataset"]["crop_pads"] == [0, 0, 0, 0] and plain["dataset_name"] == "videos"


@pytest.mark.parametrize(("model", "dataset"), product(["HyperLipsHR", "Wav2Lip", "SyncNet"], ["demo", "MEAD", "LRS2"]))
def test_the_file_of_a_run_is_taken_back_and_read(here: Path, model: str, dataset: str):
    flags = {"max_minutes": 6.5, "crop_pads": (0, 10, 0, 0), "learning_rate": 3e-6, "log_dir": "no # log: 1",
             "metrics": ("psnr", "no"), "saved_dir": "12"}  # fmt: skip
    config = resolve(model, dataset, Overrides(flags=flags)).config
    path = here / "config.yaml"
    path.write_text(to_yaml(config), encoding="utf-8")
    assert given(path, model, dataset) == config
    assert read_config(path) == to_plain(config)
    assert all(not isinstance(value, dict) for value in yaml.safe_load(path.read_text(encoding="utf-8")).values())


@pytest.mark.parametrize("model", STORED)
def test_the_file_of_an_older_run_is_taken_back_and_read(here: Path, model: str):
    """Version 0.1 wrote a mapping for each of the three parts."""
    path = here / "config.yaml"
    path.write_text(yaml.safe_dump(STORED[model], sort_keys=False), encoding="utf-8")
    assert read_config(path) == STORED[model]
    again = to_plain(given(path, model, STORED[model]["dataset_name"]))
    for part in ("run", "dataset", "model"):
        assert {key: again[part][key] for key in STORED[model][part]} == STORED[model][part]


def test_keys_of_models_that_are_not_installed_are_read(here: Path):
    path = here / "config.yaml"
    path.write_text(
        "model_name: Marionette\ndataset_name: theatre\nseed: 1\nfps: 25\ncurtains: red\nimg_size: 96\nstrings: 8\n",
        encoding="utf-8",
    )
    assert read_config(path) == {
        "model_name": "Marionette", "dataset_name": "theatre", "run": {"seed": 1},
        "dataset": {"fps": 25, "curtains": "red"}, "model": {"img_size": 96, "strings": 8},
    }  # fmt: skip


@pytest.mark.parametrize("text", ["seed: 1\nseed: 2\n", "- 1\n", "a: [\n"])
def test_a_damaged_file_is_refused(here: Path, text: str):
    (here / "config.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"config\.yaml"):
        read_config(here / "config.yaml")
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read"):
        read_config(here / "nowhere.yaml")


def test_the_file_of_another_model_or_dataset_is_refused(here: Path):
    (here / "config.yaml").write_text(to_yaml(resolve("HyperLipsBase", "demo").config), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        given(here / "config.yaml", "Wav2Lip", "./videos")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("model_name: this file is of HyperLipsBase") and "the command of Wav2Lip" in lines[0]
    assert lines[1].startswith("dataset_name: this file is of demo") and "config.yaml:2" in lines[1]
    needed = resolve("SyncNet", "demo", Overrides(files=(str(here / "config.yaml"),)), asked_for=False)
    assert needed.config.model_name == "SyncNet", "a model that is needed by the file's takes its run and dataset"


def test_what_print_config_shows_can_be_used_as_a_file(here: Path):
    flags = {"max_minutes": FlagText("6.5"), "device": FlagText("cpu")}
    shown = resolve("HyperLipsBase", "./videos", Overrides(flags=flags, profile="learn"))
    text = show(shown)
    (here / "mine.yaml").write_text(text, encoding="utf-8")
    again = resolve("HyperLipsBase", "./videos", Overrides(files=(str(here / "mine.yaml"),)))
    assert again.config == shown.config and again.profile == "learn"
    assert "device: cpu" in text and "# command line" in text and "# properties/model/HyperLipsBase.yaml:" in text


def test_print_config_says_what_every_key_means():
    lines = show(resolve("HyperLipsHR", "demo")).splitlines()
    assert all(len(line) <= WIDTH for line in lines)
    keys = {line.partition(":")[0]: number for number, line in enumerate(lines) if line and not line.startswith("#")}
    for name, number in keys.items():
        if name not in ("model_name", "dataset_name", "profile"):
            assert lines[number + 1].startswith("#   "), name
    text = "\n".join(lines)
    assert "#   Steps between log lines and TensorBoard scalars." in text
    assert "#   Weight of the discriminator; 0 trains without one." in text, "a base's text, below another default"


@dataclass
class Inner:
    first: int = 1
    """Two
    lines."""
    second: int = 2
    third: int = 3
    """Another."""


@dataclass
class Outer(Inner):
    third: int = 4
    second: int = 5
    """Its own."""


def test_meanings_are_the_texts_below_the_fields():
    assert meanings(Inner) == {"first": "Two lines.", "third": "Another."}
    assert meanings(Outer) == {"first": "Two lines.", "second": "Its own.", "third": "Another."}


def test_every_key_has_a_meaning():
    schemas = [RunConfig, *(catalog.load(row.config) for row in (*catalog.MODELS, *catalog.DATASETS))]
    without = {f"{one.__name__}.{field.name}" for one in schemas for field in fields(one)} - {
        f"{one.__name__}.{key}" for one in schemas for key, text in meanings(one).items() if text
    }
    assert not without


def test_a_configuration_without_a_model_has_no_name_of_one():
    config = replace(resolve("SyncNet", "demo").config, model_name="")
    assert to_yaml(config).startswith("dataset_name: demo\n")
