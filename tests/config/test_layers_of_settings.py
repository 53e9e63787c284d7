"""Layers, provenance, aliases, profiles, and every problem at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from talkingface.config import layers
from talkingface.config.loader import Overrides, Resolved, Schemas, load_config, profiles
from talkingface.config.schema import ConfigError, DatasetConfig, ModelConfig


@dataclass(frozen=True, kw_only=True)
class PuppetConfig(ModelConfig):
    """A model's recipe."""

    string_weight: float = 1.0


SCHEMAS = Schemas(dataset=DatasetConfig, model=PuppetConfig, elsewhere=lambda: {"mirror", "img_size"})


@pytest.fixture
def properties(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of layers of our own, in the place of the built-in one."""
    root = tmp_path / "properties"
    for folder in ("dataset", "model", "profile/fast", "profile/empty"):
        (root / folder).mkdir(parents=True)
    monkeypatch.setattr(layers, "PROPERTIES", root)
    return root


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def resolve(overrides: Overrides | None = None, **rest: bool) -> Resolved:
    return load_config(model_name="Puppet", dataset_name="stage", schemas=SCHEMAS, overrides=overrides, **rest)


def test_later_layers_win_and_each_value_knows_its_layer(properties: Path, tmp_path: Path):
    names = ["seed", "num_workers", "img_size", "epochs", "max_steps", "log_every", "valid_every"]
    layers = [
        properties / "overall.yaml", properties / "dataset/stage.yaml", properties / "model/Puppet.yaml",
        properties / "profile/fast/all.yaml", properties / "profile/fast/Puppet.yaml", tmp_path / "mine.yaml",
    ]  # fmt: skip
    for level, path in enumerate(layers):
        # layer k sets the names from k on, so that each name is last set by another layer
        write(path, "".join(f"{name}: {16 * (level + 1)}\n" for name in names[level:]))
    found = resolve(Overrides(files=(str(layers[-1]),), flags={"valid_every": "112"}, profile="fast"))
    flat = {**vars(found.config.run), **vars(found.config.model)}
    assert [flat[name] for name in names] == [16, 32, 48, 64, 80, 96, 112]
    assert [found.origin[name].rpartition("/")[2] for name in names] == [
        "overall.yaml:1", "stage.yaml:1", "Puppet.yaml:1", "all.yaml:1", "Puppet.yaml:1", "mine.yaml:1", "command line",
    ]  # fmt: skip
    assert found.origin["fps"] == "default" and found.origin["data_root"] == "dataset's name"
    assert found.profile == "fast"


def test_folders_follow_from_the_dataset_name(properties: Path):
    dataset = resolve().config.dataset
    assert dataset.data_root == "dataset/stage/data" and dataset.packed_root == "dataset/stage/packed"


def test_the_profile_may_be_named_by_a_file_and_turned_off(properties: Path):
    write(properties / "dataset/stage.yaml", "profile: fast\n")
    write(properties / "profile/fast/Puppet.yaml", "string_weight: 3\n")
    assert resolve().config.model == PuppetConfig(string_weight=3.0)
    assert resolve(Overrides(profile="none")).config.model == PuppetConfig()
    assert resolve(Overrides(profile="empty")).profile == "empty"


def test_an_unknown_profile_lists_the_known(properties: Path):
    with pytest.raises(ConfigError, match=r"unknown profile 'fats' \(command line\); known: empty, fast, none"):
        resolve(Overrides(profile="fats"))


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        ("batch_size", "train_batch_size", 4),
        ("eval_batch_size", "evaluate_batch_size", 4),
        ("syncnet_T", "num_frames", 3),
    ],
)
def test_old_names_are_accepted(properties: Path, old: str, new: str, value: int):
    write(properties / "model/Puppet.yaml", f"{old}: {value}\n")
    found = resolve()
    assert getattr(found.config.model, new) == value and found.origin[new].endswith("Puppet.yaml:1")
    assert resolve(Overrides(flags={"worker": "0"})).config.run.num_workers == 0


def test_one_key_under_two_names_is_refused(properties: Path):
    write(properties / "overall.yaml", "train_batch_size: 4\nbatch_size: 8\n")
    with pytest.raises(ConfigError, match="batch_size: the same as 'train_batch_size'"):
        resolve()


def test_all_problems_come_at_once(properties: Path, tmp_path: Path):
    write(properties / "overall.yaml", "sede: 1\nprecision: fp8\n")
    write(properties / "dataset/stage.yaml", "fps: 30\n")
    mine = write(tmp_path / "mine.yaml", "epochs: many\nmax_steps: 3\nmax_steps: 4\n")
    with pytest.raises(ConfigError) as caught:
        resolve(Overrides(files=(str(mine),), flags={"learning_rat": "1"}))
    lines = str(caught.value).splitlines()
    assert sorted(line.split(":")[0] for line in lines) == sorted(
        ["sede", "precision", "fps and sample_rate", "epochs", "max_steps", "learning_rat"]
    )
    text = str(caught.value)
    assert "sede: unknown key" in text and "did you mean 'seed'?" in text
    assert "wanted one of auto, fp32, tf32, bf16, fp16; got 'fp8'" in text and "overall.yaml:2" in text
    assert f"epochs: wanted a whole number, got 'many' ({mine}:1)" in text
    assert "learning_rat: unknown key (command line); did you mean 'learning_rate'?" in text
    assert "stage.yaml:1" in next(line for line in lines if line.startswith("fps"))


def test_shared_files_may_hold_keys_of_other_models_but_the_user_may_not(properties: Path):
    write(properties / "overall.yaml", "mirror: true\n")
    resolve()
    with pytest.raises(ConfigError, match=r"mirror: unknown key \(command line\); it belongs to another model"):
        resolve(Overrides(flags={"mirror": "true"}))


def test_a_needed_model_takes_run_and_dataset_keys_of_the_command_only(properties: Path):
    flags = {"seed": "7", "min_face": "99", "epochs": "3", "mirror": "false"}
    config = resolve(Overrides(flags=flags), asked_for=False).config
    assert (config.run.seed, config.dataset.min_face, config.model.epochs) == (7, 99, PuppetConfig().epochs)


def test_a_checkpoints_values_stand_between_profile_and_user(properties: Path):
    write(properties / "profile/fast/all.yaml", "epochs: 1\nmax_steps: 1\n")
    overrides = Overrides(
        stored={"epochs": 2, "max_steps": 2}, stored_from="x.pth", flags={"max_steps": "3"}, profile="fast"
    )
    found = resolve(overrides)
    assert (found.config.model.epochs, found.config.model.max_steps) == (2, 3)
    assert found.origin["epochs"] == "x.pth"


def test_typed_values_from_python(properties: Path):
    overrides = Overrides(
        flags={"max_minutes": 2, "crop_pads": (0, 1, 2, 3), "device": "cpu"}, flags_from="config_dict"
    )
    found = resolve(overrides)
    assert found.config.model.max_minutes == 2.0 and found.config.dataset.crop_pads == (0, 1, 2, 3)
    assert found.origin["device"] == "config_dict"


@pytest.fixture
def mine(properties: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own folder of layers, in the working directory."""
    monkeypatch.chdir(tmp_path)
    work = tmp_path / "work" / "properties"
    for folder in ("dataset", "model", "profile/fast", "profile/slow"):
        (work / folder).mkdir(parents=True)
    monkeypatch.chdir(work.parent)
    return work


def test_the_users_properties_stand_directly_above_the_packages(properties: Path, mine: Path):
    names = ["seed", "num_workers", "img_size", "epochs", "max_steps", "log_every", "valid_every", "save_every"]
    layers = [
        (root, name)
        for name in ("overall", "dataset/stage", "model/Puppet", "profile/fast/all")
        for root in (properties, mine)
    ]
    for level, (root, name) in enumerate(layers):
        write(root / f"{name}.yaml", "".join(f"{key}: {16 * (level + 1)}\n" for key in names[level:]))
    found = resolve(Overrides(profile="fast"))
    flat = {**vars(found.config.run), **vars(found.config.model)}
    assert [flat[name] for name in names] == [16, 32, 48, 64, 80, 96, 112, 128]
    own, named = [False, True] * 4, [name for _, name in layers]
    assert [found.origin[name].startswith("your properties/") for name in names] == own
    assert [found.origin[key].rpartition("properties/")[2] for key in names] == [f"{name}.yaml:1" for name in named]


def test_the_users_files_hold_only_what_differs(properties: Path, mine: Path):
    write(properties / "model/Puppet.yaml", "img_size: 96\nepochs: 2\n")
    write(mine / "model/Puppet.yaml", "epochs: 3\nseed: none\nsede: 1\n")
    with pytest.raises(ConfigError) as caught:
        resolve()
    lines = str(caught.value).splitlines()
    assert lines[0] == "sede: unknown key (your properties/model/Puppet.yaml:3); did you mean 'seed'?"
    assert lines[1] == "seed: wanted a whole number, got 'none' (your properties/model/Puppet.yaml:2)"
    write(mine / "model/Puppet.yaml", "epochs: 3\n")
    model = resolve().config.model
    assert (model.img_size, model.epochs) == (96, 3)


def test_the_users_profiles_are_listed(properties: Path, mine: Path):
    write(mine / "profile/slow/all.yaml", "epochs: 9\n")
    assert profiles() == ["empty", "fast", "slow"]
    assert resolve(Overrides(profile="slow")).config.model.epochs == 9
    with pytest.raises(ConfigError, match="known: empty, fast, slow, none"):
        resolve(Overrides(profile="fats"))


def test_the_packages_own_folder_is_not_read_twice(properties: Path, monkeypatch: pytest.MonkeyPatch):
    write(properties / "overall.yaml", "seed: 5\n")
    monkeypatch.chdir(properties.parent)
    assert "your" not in resolve().origin["seed"]


def test_home_folders_in_paths(properties: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write(tmp_path / "mine.yaml", "data_root: ~/videos\nsaved_dir: here/~/kept\nsync_expert: bootstrap\n")
    flags = {"lse_weights": "~/syncnet.model", "face_detector_weights": "none", "log_dir": "~"}
    found = resolve(Overrides(files=("~/mine.yaml",), flags=flags)).config
    assert found.dataset.data_root == str(tmp_path / "videos")
    assert found.run.lse_weights == str(tmp_path / "syncnet.model")
    assert (found.run.saved_dir, found.dataset.sync_expert) == ("here/~/kept", "bootstrap")
    assert (found.dataset.face_detector_weights, found.run.log_dir) == (None, str(tmp_path))


def test_a_home_folder_that_there_is_not(properties: Path):
    with pytest.raises(ConfigError, match=r"log_dir: '~nobody-of-this-name/x' begins with a home .*command line"):
        resolve(Overrides(flags={"log_dir": "~nobody-of-this-name/x"}))
    with pytest.raises(ConfigError, match="--config_files: '~nobody-of-this-name/x"):
        resolve(Overrides(files=("~nobody-of-this-name/x.yaml",)))
