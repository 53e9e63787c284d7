"""A configuration as plain data, as a file, as a fingerprint."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from talkingface.catalog.resolve import resolve
from talkingface.config.plain import fingerprint, from_plain, read_plain, show, to_plain, to_yaml
from talkingface.config.schema import Config, ConfigError, DatasetConfig
from talkingface.model.audio_driven_talkingface.hyperlipsbase_config import HyperLipsBaseConfig


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    return resolve("HyperLipsBase", "./videos").config


def test_plain_data_and_back(config: Config):
    plain = json.loads(json.dumps(to_plain(config)))
    assert from_plain(plain, dataset=DatasetConfig, model=HyperLipsBaseConfig) == config


def test_a_file_and_back(config: Config, tmp_path: Path):
    path = tmp_path / "config.yaml"
    path.write_text(to_yaml(config, header="how it was made"), encoding="utf-8")
    assert path.read_text(encoding="utf-8").startswith("# how it was made\n")
    assert from_plain(read_plain(path), dataset=DatasetConfig, model=HyperLipsBaseConfig) == config
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["dataset_name"] == "videos"


def test_unknown_and_wrong_plain_values_are_all_named(config: Config):
    plain = to_plain(config)
    plain["model"]["gone"] = 1
    plain["run"]["seed"] = "x"
    with pytest.raises(ConfigError) as caught:
        from_plain(plain, dataset=DatasetConfig, model=HyperLipsBaseConfig)
    assert "model.gone: unknown key" in str(caught.value) and "run.seed: wanted a whole number" in str(caught.value)
    with pytest.raises(ConfigError, match="dataset: wanted a mapping"):
        from_plain({**to_plain(config), "dataset": None}, dataset=DatasetConfig, model=HyperLipsBaseConfig)


def test_the_fingerprint_counts_what_decides_the_result(config: Config):
    same = replace(config, run=replace(config.run, device="cpu", num_workers=0, saved_dir="elsewhere"))
    assert fingerprint(same) == fingerprint(config)
    others = [
        replace(config, run=replace(config.run, seed=1)),
        replace(config, model=replace(config.model, learning_rate=1e-3)),
        replace(config, dataset=replace(config.dataset, min_face=50)),
        replace(config, dataset_name="other"),
    ]
    assert len({fingerprint(one) for one in [config, *others]}) == 5


def test_what_print_config_shows_can_be_used_as_a_file(config: Config, tmp_path: Path):
    from talkingface.config.loader import Overrides

    text = show(resolve("HyperLipsBase", "./videos", Overrides(flags={"max_minutes": "6.5", "device": "cpu"})))
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    again = resolve("HyperLipsBase", "./videos", Overrides(files=(str(tmp_path / "mine.yaml"),))).config
    assert again.model == replace(config.model, max_minutes=6.5) and again.run.device == "cpu"
    assert "device: cpu" in text and "# command line" in text and "# properties/model/HyperLipsBase.yaml:" in text
