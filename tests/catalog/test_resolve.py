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
