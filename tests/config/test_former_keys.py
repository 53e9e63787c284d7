"""Keys of other versions: refused in what the user gives, left out of what an older checkpoint has stored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from talkingface import catalog
from talkingface.catalog.resolve import resolve
from talkingface.config.keys import ALIASES, RETIRED, Schemas, sort_stored
from talkingface.config.loader import Overrides, Resolved
from talkingface.config.plain import to_plain
from talkingface.config.schema import ConfigError

STORED = json.loads((Path(__file__).parent / "stored_by_0_1.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def resolved(model: str, **more: object) -> Resolved:
    """The configuration of a checkpoint, as it is loaded to be used."""
    values = {**STORED[model]["dataset"], **STORED[model]["model"], **more}
    overrides = Overrides(profile="none", stored=values, stored_from="old.pth")
    return resolve(model, STORED[model]["dataset_name"], overrides)


@pytest.mark.parametrize("model", STORED)
def test_a_checkpoint_of_version_0_1_has_its_values_today(model: str):
    found = resolved(model)
    plain = to_plain(found.config)
    for part in ("dataset", "model"):
        assert {key: plain[part][key] for key in STORED[model][part]} == STORED[model][part]
    assert found.notes == ()


@pytest.mark.parametrize("model", STORED)
def test_every_key_of_version_0_1_is_a_key_today_or_retired(model: str):
    stored, row = STORED[model], catalog.model_row(model)
    dataset = catalog.dataset_row(stored["dataset_name"])
    schemas = Schemas(dataset=catalog.load(dataset.config), model=catalog.load(row.config))
    flat = {**stored["run"], **stored["dataset"], **stored["model"]}
    unknown = sort_stored(flat, schemas.declared()).unknown
    assert not unknown, "enter them into RETIRED, or into ALIASES where another key took their place"


def test_a_retired_key_of_a_checkpoint_is_left_out_with_a_note():
    found = resolved("HyperLipsHR", lower_jitter=2.0)
    assert found.config == resolved("HyperLipsHR").config
    (note,) = found.notes
    assert note.startswith("old.pth: lower_jitter is left out, as it was retired: ") and "\n" not in note


def test_a_key_of_a_newer_version_is_an_error_that_says_so():
    with pytest.raises(ConfigError, match=r"^sharper: stored in old\.pth, and this version does not know it; .*newer"):
        resolved("HyperLipsHR", sharper=2.0)


def test_a_checkpoint_with_keys_of_other_versions_serves_a_model_that_needs_another():
    """The expert of an evaluation takes what concerns data from the checkpoint's values, and nothing else."""
    overrides = Overrides(stored={"lower_jitter": 1.0, "sharper": 2.0, "min_face": 50, "img_size": 64})
    found = resolve("SyncNet", "demo", overrides, asked_for=False)
    assert (found.config.dataset.min_face, found.config.model.img_size, found.notes) == (50, 128, ())


@pytest.mark.parametrize("place", ["flag", "file", "properties"])
def test_a_retired_key_of_the_user_is_an_error_that_says_why(here: Path, place: str):
    for path in (here / "mine.yaml", here / "properties/model/HyperLipsHR.yaml"):
        path.parent.mkdir(parents=True, exist_ok=True)
        if place == ("file" if path.name == "mine.yaml" else "properties"):
            path.write_text("seed: 1\nlower_jitter: 2\n", encoding="utf-8")
    flags = {"lower_jitter": "2"} if place == "flag" else {}
    files = ("mine.yaml",) if place == "file" else ()
    where = {"flag": "command line", "file": "mine.yaml:2", "properties": "your properties/model/HyperLipsHR.yaml:2"}
    with pytest.raises(ConfigError) as caught:
        resolve("HyperLipsHR", "demo", Overrides(flags=flags, files=files))
    assert str(caught.value).startswith(f"lower_jitter: retired ({where[place]}): {RETIRED['lower_jitter']}")


def test_no_name_is_in_two_tables():
    keys = {key for row in catalog.MODELS for key in catalog.model_keys(row)}
    assert not (set(ALIASES) & set(RETIRED)) and not (set(ALIASES) & keys)


def test_stored_values_are_brought_up_to_date():
    found = sort_stored({"batch_size": 4, "seed": 1, "lower_jitter": 0, "new": 2}, {"train_batch_size", "seed"})
    assert found.values == {"train_batch_size": 4, "seed": 1}
    assert (found.retired, found.unknown) == (("lower_jitter",), ("new",))
