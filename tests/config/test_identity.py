"""Which changes make a training another one, between configurations and against stored ones of this and older runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from talkingface.catalog.resolve import resolve
from talkingface.config import identity as module
from talkingface.config import keys
from talkingface.config.identity import differences, identity, one_spelling
from talkingface.config.kinds import Kind, field_kinds
from talkingface.config.loader import Overrides
from talkingface.config.plain import read_config, to_plain, to_yaml
from talkingface.config.schema import Config

STORED = json.loads((Path(__file__).parent / "stored_by_0_1.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configured(model: str = "HyperLipsBase", dataset: str = "demo", **flags: Any) -> Config:
    return resolve(model, dataset, Overrides(flags=flags, profile="none")).config


HARMLESS = {
    "log_every": 3, "save_every": 7, "valid_every": 50, "max_steps": 99999, "epochs": 3, "prepare_workers": 2,
    "clip_timeout": 7, "data_root": "./dataset/demo/data/", "num_workers": 0, "device": "cpu", "precision": "fp32",
    "saved_dir": "elsewhere", "evaluate_batch_size": 2, "metrics": "psnr", "crf": 30,
}  # fmt: skip
HARMFUL = {
    "seed": 1, "learning_rate": 3e-4, "img_size": 80, "demo_clips": 8, "min_face": 50, "crop_pads": "0,10,0,0",
    "jpeg_quality": 90, "sync_weight": 0.01, "num_frames": 6,
}  # fmt: skip


@pytest.mark.parametrize(("key", "value"), HARMLESS.items())
def test_places_and_cadence_leave_a_training_the_same(key: str, value: Any):
    usual, changed = configured(), configured(**{key: value})
    assert usual != changed
    assert identity(changed) == identity(usual)
    assert differences(to_plain(usual), changed) == {} == differences(to_plain(changed), usual)


@pytest.mark.parametrize(("key", "value"), HARMFUL.items())
def test_what_changes_the_result_makes_another_training(key: str, value: Any):
    usual, changed = configured(), configured(**{key: value})
    assert identity(changed) != identity(usual)
    ((name, (there, now)),) = differences(to_plain(usual), changed).items()
    plain = {**to_plain(changed)["run"], **to_plain(changed)["dataset"], **to_plain(changed)["model"]}
    assert (name, now) == (key, plain[key]) and there != now


def test_another_model_or_dataset_is_another_training(here: Path):
    (here / "videos").mkdir()
    plain = to_plain(configured())
    assert differences(plain, configured("Wav2Lip")) == {"model_name": ("HyperLipsBase", "Wav2Lip")}
    assert differences(plain, configured(dataset="./videos")) == {"dataset_name": ("demo", "videos")}


@pytest.mark.parametrize("model", STORED)
def test_a_run_of_version_0_1_is_continued_by_the_same_configuration(model: str, here: Path):
    """What 0.1 stored, against the same values given now, and in today's form of config.yaml."""
    stored = json.loads(json.dumps(STORED[model]))
    wanted = configured(model, stored["dataset_name"], **stored["model"])
    assert differences(stored, wanted) == {} and identity(stored, like=wanted) == identity(wanted)
    (here / "config.yaml").write_text(to_yaml(wanted), encoding="utf-8")
    assert differences(read_config(here / "config.yaml"), wanted) == {}
    stored["model"]["learning_rate"] = 0.5
    assert differences(stored, wanted) == {"learning_rate": (0.5, wanted.model.learning_rate)}


def test_keys_of_other_versions(monkeypatch: pytest.MonkeyPatch):
    wanted = configured(mouth_weight=8)
    plain = to_plain(wanted)
    del plain["model"]["mouth_weight"], plain["dataset"]["min_face"]
    plain["model"]["batch_size"] = plain["model"].pop("train_batch_size")
    plain["model"]["lower_jitter"] = 2.0
    assert differences(plain, wanted) == {"mouth_weight": (1.0, 8.0)}, "a key that is absent has its default"
    assert identity(plain, like=configured(mouth_weight=1)) == identity(configured(mouth_weight=1))
    plain["model"]["of_a_newer_version"] = 1
    assert "of_a_newer_version" in differences(plain, wanted)
    monkeypatch.setitem(keys.RETIRED, "of_a_newer_version", "gone")
    assert list(differences(plain, wanted)) == ["mouth_weight"]


def test_a_training_of_before_a_new_loss_is_not_one_with_it(monkeypatch: pytest.MonkeyPatch):
    wanted = configured()
    plain = to_plain(wanted)
    del plain["model"]["mouth_weight"]
    assert differences(plain, wanted) == {}
    monkeypatch.setitem(keys.BEFORE, "mouth_weight", 0.5)
    assert differences(plain, wanted) == {"mouth_weight": (0.5, 1.0)}
    assert identity(plain, like=wanted) == identity(configured(mouth_weight=0.5)) != identity(wanted)


@pytest.mark.parametrize("model", STORED)
def test_every_new_key_that_counts_says_what_trainings_without_it_were(model: str):
    stored = STORED[model]
    wanted = configured(model, stored["dataset_name"])
    known = {key for part in keys.PARTS for key in stored[part]} | set(keys.BEFORE)
    new = {
        key
        for part in keys.PARTS
        for key, kind in field_kinds(type(getattr(wanted, part))).items()
        if kind is Kind.RESULT and key not in known
    }
    assert not new, "enter them into config.keys.BEFORE: older trainings are taken for ones with the default else"


@pytest.mark.parametrize("damage", [{}, {"model": None}, {"model": [1]}, {"model": {"learning_rate": [[]]}}])
def test_a_damaged_configuration_is_another_training(damage: dict[str, Any]):
    assert differences({**to_plain(configured()), **damage} if damage else {}, configured())


def test_weights_that_were_found_are_those_that_none_asks_for():
    """Trainings store the path that was found where the user gave none."""
    usual = configured()
    plain = to_plain(usual)
    plain["model"]["expert_checkpoint"] = "saved/SyncNet-demo-1/checkpoints/best.pth"
    assert differences(plain, usual) == {} and identity(plain, like=usual) == identity(usual)


def test_weights_that_are_asked_for_count_in_any_spelling(here: Path):
    def asking(path: str) -> Config:
        return configured(expert_checkpoint=path)

    plain = to_plain(asking("saved/one/checkpoints/best.pth"))
    for same in ("./saved/one", "saved/../saved/one/checkpoints", str(here / "saved/one/checkpoints/best.pth")):
        assert differences(plain, asking(same)) == {}
    assert list(differences(plain, asking("saved/two"))) == ["expert_checkpoint"]
    assert list(differences(plain, asking("saved/one/checkpoints/step-9.pth"))) == ["expert_checkpoint"]


def test_the_expert_of_the_dataset_counts_only_where_clips_are_chosen_by_it():
    plain = to_plain(configured(sync_expert="a.pth"))
    assert differences(plain, configured()) == {} == differences(plain, configured(sync_expert="b.pth"))
    plain = to_plain(configured(sync_expert="a.pth", max_offset=0))
    assert differences(plain, configured(sync_expert="./a.pth", max_offset=0)) == {}
    assert list(differences(plain, configured(sync_expert="b.pth", max_offset=0))) == ["sync_expert"]


def test_the_decoder_takes_what_its_base_tells(here: Path):
    """A HyperLipsHR stores the sizes that it took from its Base's checkpoint in the place of those configured."""
    plain = to_plain(configured("HyperLipsHR"))
    plain["model"] |= {"base_img_size": 64, "mel_pad_mode": "reflect", "base_checkpoint": "saved/base"}
    assert differences(plain, configured("HyperLipsHR")) == {}
    assert differences(plain, configured("HyperLipsHR", detail=0.5, inference_sketch="published")) == {}


def test_one_spelling_of_a_path(here: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.setenv("USERPROFILE", str(here))
    assert {one_spelling(path) for path in ("a/b.pth", "./a//b.pth", "~/a/b.pth", str(here / "a/b.pth"))} == {"a/b.pth"}
    assert one_spelling("/nowhere/x.pth") == Path("/nowhere/x.pth").resolve().as_posix()
    assert one_spelling("bootstrap") == "bootstrap"


def test_the_name_in_the_status_file():
    assert module.fingerprint(configured()) == identity(configured())
