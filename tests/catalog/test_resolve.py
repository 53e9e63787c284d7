"""What `--dataset` stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from talkingface.catalog.resolve import choose_dataset, dataset_names, resolve
from talkingface.config.loader import Overrides
from talkingface.utils.errors import UserError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_of_videos(here: Path):
    (here / "my" / "videos").mkdir(parents=True)
    for text in ("my/videos", "./my/videos/", str(here / "my/videos")):
        choice = choose_dataset(text)
        assert choice.name == "videos" and choice.folders == {"data_root": str(Path(text))}
    dataset = resolve("SyncNet", "my/videos").config.dataset
    assert dataset.data_root == "my/videos" and dataset.preprocessed_root == "dataset/videos/preprocessed_data"


def test_a_folder_beside_the_others_is_its_name(here: Path):
    (here / "dataset" / "MEAD").mkdir(parents=True)
    for text in ("MEAD", "dataset/MEAD", "./dataset/MEAD/"):
        choice = choose_dataset(text)
        assert (choice.name, choice.folders) == ("MEAD", {})
    assert "MEAD" in dataset_names()


def test_a_name_is_known_by_its_row_or_by_flags():
    assert choose_dataset("demo").row.source is not None
    assert choose_dataset("mine", Overrides(flags={"preprocessed_root": "x"})).name == "mine"


def test_a_name_wins_over_a_folder_of_this_name(here: Path):
    (here / "demo").mkdir()
    assert choose_dataset("demo").row.source is not None
    with pytest.raises(UserError, match="its name 'demo' is that of a built-in dataset"):
        choose_dataset("./demo")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("demoo", "unknown dataset 'demoo'; did you mean 'demo'\\?.* give their folder"),
        ("no/where", "--dataset=no/where: there is no such folder"),
        ("", "unknown dataset ''"),
    ],
)
def test_unknown_datasets(text: str, message: str):
    with pytest.raises(UserError, match=message):
        choose_dataset(text)


def test_names_in_any_case(here: Path):
    for text, name in (("lrs2", "LRS2"), ("DEMO", "demo"), ("mead", "MEAD")):
        assert choose_dataset(text).name == name
    assert choose_dataset("Demo").row.source is not None
    assert resolve("hyperlipsbase", "lrs2").config.model_name == "HyperLipsBase"
    assert resolve("WAV2LIPGAN", "lrs2").origin["data_root"].startswith("properties/dataset/LRS2.yaml")


def test_folders_keep_their_own_spelling(here: Path):
    for name in ("lrs2", "Mine"):
        (here / "dataset" / name).mkdir(parents=True)
    assert choose_dataset("lrs2").name == "lrs2", "a folder of this very name"
    assert choose_dataset("LRS2").name == "LRS2"
    assert choose_dataset("mine").name == "Mine"
    with pytest.raises(UserError, match=r"unknown dataset 'Lrs2'"):
        choose_dataset("Lrs2")  # either could be meant
    (here / "mead").mkdir()
    assert choose_dataset("mead").folders == {"data_root": "mead"}, "a folder of videos of this very name"


def test_a_dataset_in_the_home_folder(here: Path, monkeypatch: pytest.MonkeyPatch):
    (here / "home" / "videos").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(here / "home"))
    monkeypatch.setenv("USERPROFILE", str(here / "home"))
    assert choose_dataset("~/videos").folders == {"data_root": str(here / "home" / "videos")}
    with pytest.raises(UserError, match="there is no such folder"):
        choose_dataset("~/elsewhere")


def test_the_users_properties_name_datasets(here: Path):
    path = here / "properties" / "dataset" / "Studio.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("data_root: recordings\nmin_face: 60\n", encoding="utf-8")
    assert "Studio" in dataset_names() and choose_dataset("studio").name == "Studio"
    found = resolve("SyncNet", "Studio")
    assert (found.config.dataset.data_root, found.config.dataset.min_face) == ("recordings", 60)
    assert found.origin["min_face"] == "your properties/dataset/Studio.yaml:2"


def test_a_file_of_the_users_that_is_of_no_model_is_told(here: Path):
    path = here / "properties" / "model" / "Wav2Lips.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("epochs: 2\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"your properties/model/Wav2Lips\.yaml: unknown model .* mean 'Wav2Lip'"):
        resolve("SyncNet", "demo")
