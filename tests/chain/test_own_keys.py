"""Keys of one model of a chain, files that name model and dataset, and what the plan says of ends and profiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from talkingface import catalog
from talkingface.catalog.resolve import chain_models, resolve
from talkingface.chain.workspace import Workspace
from talkingface.cli.program import main
from talkingface.config.loader import Overrides
from talkingface.config.plain import to_yaml
from talkingface.config.schema import ConfigError
from talkingface.trainer.run_folder import RunFolder


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    return tmp_path


def workspace(files: tuple[str, ...] = (), **flags: object) -> Workspace:
    return Workspace.of("./videos", Overrides(flags=flags, files=files))


def test_a_key_with_a_models_name_is_for_that_model(here: Path):
    (here / "mine.yaml").write_text("SyncNet.max_steps: 30\nSyncNet.seed: 3\nsyncnet.lr: 0.5\nmax_steps: 4\n")
    space = workspace(("mine.yaml",), **{"SyncNet.max_steps": "40", "HyperLipsBase.epochs": "2"})
    base = space.part("HyperLipsBase")
    ((_, expert),) = base.needs
    assert (base.config.model.max_steps, base.config.model.epochs, base.config.run.seed) == (4, 2, 0)
    assert (expert.config.model.max_steps, expert.config.run.seed) == (40, 3)
    assert expert.config.model.learning_rate == 0.5 and expert.resolved.own == {"max_steps", "seed", "learning_rate"}
    assert expert.resolved.origin["max_steps"] == "command line" and "mine.yaml:2" in expert.resolved.origin["seed"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"SyncNt.max_steps": 1}, "SyncNt.max_steps: unknown model 'SyncNt' .*; it has HyperLipsBase, SyncNet"),
        ({"Wav2Lip.max_steps": 1}, "Wav2Lip.max_steps: Wav2Lip is not a model of this chain"),
        ({"SyncNet.max_stepz": 1}, "SyncNet.max_stepz: SyncNet has no key 'max_stepz'"),
        ({"SyncNet.fps": 25}, "SyncNet.fps: all models of a chain share the dataset .*; write fps"),
        ({"SyncNet.max_steps": 1, "sync_weight": 0}, "with this configuration trains no SyncNet"),
        ({"SyncNet.max_steps": "many"}, "max_steps: wanted a whole number, got 'many'"),
    ],
)
def test_a_key_that_no_model_of_the_chain_can_use_is_an_error(flags: dict[str, object], message: str):
    with pytest.raises(ConfigError, match=message):
        workspace(**flags).part("HyperLipsBase")


def test_weights_are_those_with_the_values_given_for_their_model():
    plain = workspace().part("HyperLipsBase").needs[0][1]
    run = RunFolder.create(plain.config)
    run.update_status(finished=True)
    run.best.write_bytes(b"weights")
    assert workspace().weights(plain).path == run.best
    for flags, there in ({"SyncNet.learning_rate": "0.5"}, False), ({"SyncNet.learning_rate": "1e-4"}, True):
        space = workspace(**flags)
        found = space.weights(space.part("HyperLipsBase").needs[0][1])
        assert (found.path is not None) is there
    assert (
        "with the learning_rate given for it"
        in workspace(**{"SyncNet.lr": 1})
        .weights(workspace(**{"SyncNet.lr": 1}).part("HyperLipsBase").needs[0][1])
        .reason
    )


def test_the_chain_of_each_model():
    assert chain_models(catalog.model_row("HyperLipsHR")) == ["HyperLipsHR", "HyperLipsBase", "SyncNet"]
    assert chain_models(catalog.model_row("Wav2Lip")) == ["Wav2Lip", "SyncNetWav2Lip"]


@pytest.mark.parametrize("model", [row.name for row in catalog.MODELS])
def test_the_configuration_of_a_run_is_a_file_that_names_all(model: str, here: Path):
    """Of a folder of videos too, which has no name that is known elsewhere."""
    config = resolve(model, "./videos", Overrides(flags={"seed": 5}, profile="quick")).config
    (here / "config.yaml").write_text(to_yaml(config, profile="quick"), encoding="utf-8")
    space = Workspace.of("videos", Overrides(files=("config.yaml",)))
    again = space.resolved(model)
    assert again.config == config and again.profile == "quick"


def test_a_file_may_name_model_and_dataset(here: Path, capsys: pytest.CaptureFixture[str]):
    (here / "mine.yaml").write_text("model: syncnet\ndataset: demo\nseed: 9\n")
    assert main(["--config_files=mine.yaml", "--print-config"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# SyncNet on demo") and "\nseed: 9 " in out
    assert main(["--config_files=mine.yaml", "--model=Wav2Lip", "--print-config"]) == 2
    assert "model_name: this file is of syncnet (mine.yaml:1), the command of Wav2Lip" in capsys.readouterr().err
    (here / "folder.yaml").write_text("model: SyncNet\ndataset: ./videos\n")
    assert main(["check", "--config_files=folder.yaml"]) == 2, "the folder is found, and is empty"
    assert "videos" in capsys.readouterr().err


def test_the_plan_says_where_a_training_ends_and_what_the_profile_replaces(
    prepared: Path, capsys: pytest.CaptureFixture[str]
):
    own = prepared / "properties/model"
    own.mkdir(parents=True)
    (own / "HyperLipsBase.yaml").write_text("learning_rate: 0.5\nmouth_weight: 3\n")
    flags = ["--dataset=toy", "--profile=quick", "--mouth_weight=2", "--sync_weight=0.1", "--num_frames=5"]
    assert main(["check", "-m", "HyperLipsBase", *flags, "--SyncNet.max_steps=7"]) == 0
    out = capsys.readouterr().out
    assert "profile quick over your properties/model/HyperLipsBase.yaml: learning_rate 0.001 (0.5 there)\n" in out
    assert "trained first; ends after 7 steps (command line) or 1000 epochs" in out
    assert "ends after 1500 steps (properties/profile/quick/HyperLipsBase.yaml:" in out
