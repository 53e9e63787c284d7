"""What a training starts from: given weights, whether they fit, frozen parameters, and where it is noted."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import TinyDiscriminator, TinyFace, TinySet, tiny_config, tiny_trainer
from torch import Tensor, nn

from talkingface.config.identity import identity
from talkingface.config.plain import read_config
from talkingface.model.audio_driven_talkingface.hyperlipsbase_config import HyperLipsBaseConfig
from talkingface.model.initial import read_initial, with_hashes
from talkingface.trainer.hyperlipsbase_trainer import HyperLipsBaseTrainer
from talkingface.trainer.run_folder import RunFolder
from talkingface.trainer.starting import freeze_prefixes
from talkingface.trainer.trainer import Trainer
from talkingface.utils.errors import UserError
from talkingface.utils.seed import init_seed

GAN = HyperLipsBaseConfig(
    train_batch_size=4, evaluate_batch_size=4, img_size=16, num_frames=2, sync_weight=0, adversarial_weight=0.2
)


class Gan(HyperLipsBaseTrainer):
    new_discriminator = TinyDiscriminator


@pytest.fixture
def weights(tmp_path: Path) -> dict[str, Tensor]:
    """Of a network of another seed; start.pth holds them as original projects do, after several processes."""
    init_seed(7)
    state = {key: value.clone() for key, value in TinyFace(tiny_config(tmp_path)).state_dict().items()}
    torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}}, tmp_path / "start.pth")
    return state


def begun(folder: Path, **recipe: Any) -> Trainer:
    return tiny_trainer(tiny_config(folder, max_steps=2, **recipe))


def test_a_training_starts_from_a_file_and_notes_it(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    file = tmp_path / "start.pth"
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    trainer = begun(tmp_path, initial_weights=str(file))
    assert all(torch.equal(value, weights[key]) for key, value in trainer.model.state_dict().items())
    trainer.fit(TinySet(), TinySet(5))
    run = trainer.run
    (noted,) = run.status()["started_from"]
    assert noted == {"part": "model", "path": str(file), "sha256": sha256, "model": None, "step": None,
                     "not_fitting": []}  # fmt: skip
    stored = read_config(run.config_file)["model"]
    assert (stored["initial_weights"], stored["initial_weights_sha256"]) == (str(file), sha256)
    assert torch.load(run.last, weights_only=True)["config"]["model"]["initial_weights_sha256"] == sha256


def test_a_run_that_was_cut_short_goes_on_without_the_file(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    first = begun(tmp_path, initial_weights=str(tmp_path / "start.pth"))
    first.fit(TinySet())
    (tmp_path / "start.pth").unlink()
    config = tiny_config(tmp_path, max_steps=3, initial_weights=str(tmp_path / "start.pth"))
    assert tiny_trainer(config, first.run).fit(TinySet()).steps == 3
    with pytest.raises(UserError, match=r"initial_weights: .*start\.pth: no such checkpoint.*--resume=RUN"):
        tiny_trainer(config)


def test_the_contents_decide_and_the_place_does_not(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    file, copy, other = (tmp_path / f"{name}.pth" for name in ("start", "copy", "other"))
    copy.write_bytes(file.read_bytes())
    torch.save(TinyFace(tiny_config(tmp_path)).state_dict(), other)
    of = {path: identity(with_hashes(tiny_config(tmp_path, initial_weights=str(path)))) for path in (file, copy, other)}
    assert of[file] == of[copy] != of[other]
    assert identity(tiny_config(tmp_path)) not in of.values()
    stored = with_hashes(tiny_config(tmp_path, initial_weights=str(file)))
    other.replace(file)
    with pytest.raises(UserError, match=r"initial_weights: .*start\.pth has the SHA-256 .* the configuration says"):
        read_initial(stored)
    with pytest.raises(UserError, match="initial_weights_sha256: the hash of a file that initial_weights does not"):
        with_hashes(tiny_config(tmp_path, initial_weights_sha256="ab"))


def test_weights_that_do_not_fit_are_named(tmp_path: Path, weights: dict[str, Tensor], caplog: Any) -> None:
    given = {key: value for key, value in weights.items() if key != "conv.bias"}
    given["conv.weight"], given["ear.weight"] = torch.zeros(2, 2), torch.zeros(1)
    torch.save(given, tmp_path / "start.pth")
    wanted = re.escape(
        "initial_weights: " + str(tmp_path / "start.pth") + ": 3 weights do not fit Tiny's TinyFace, 5 do: missing "
        "conv.bias (3,); unknown ear.weight (1,); conv.weight is (2, 2), wanted (3, 6, 3, 3). --initial_strict=false"
    )
    with pytest.raises(UserError, match=wanted):
        begun(tmp_path, initial_weights=str(tmp_path / "start.pth"))
    caplog.set_level("INFO")
    trainer = begun(tmp_path, initial_weights=str(tmp_path / "start.pth"), initial_strict=False)
    assert (
        "3 weights do not fit and stay fresh, or are not used (initial_strict=false); layers: conv, ear" in caplog.text
    )
    state, fresh = trainer.model.state_dict(), begun(tmp_path).model.state_dict()
    assert torch.equal(state["norm.weight"], weights["norm.weight"])
    assert torch.equal(state["conv.weight"], fresh["conv.weight"])
    assert len(trainer.run.status()["started_from"][0]["not_fitting"]) == 3
    torch.save(weights | {"conv.weight": weights["conv.weight"] / 0}, tmp_path / "start.pth")
    with pytest.raises(UserError, match=r"start\.pth: conv\.weight holds values that are not finite"):
        begun(tmp_path, initial_weights=str(tmp_path / "start.pth"))
    torch.save({"x": torch.zeros(1)}, tmp_path / "start.pth")
    with pytest.raises(UserError, match="no weight fits Tiny's TinyFace"):
        begun(tmp_path, initial_weights=str(tmp_path / "start.pth"), initial_strict=False)


def gan(folder: Path, seed: int = 0, **recipe: Any) -> Trainer:
    init_seed(seed)
    config = tiny_config(folder, model=GAN, max_steps=2, **recipe)
    return Gan(config, TinyFace(config), run=RunFolder.create(config), device=torch.device("cpu"))


def test_with_its_discriminator(tmp_path: Path) -> None:
    first = gan(tmp_path)
    first.fit(TinySet(), TinySet(5))
    kept = torch.load(first.run.best, weights_only=True)["parts"]["discriminator"]
    both = gan(tmp_path, 5, initial_weights=first.run.name, initial_discriminator=str(first.run.path))
    assert all(torch.equal(value, kept[key]) for key, value in both.state()["discriminator"].state_dict().items())
    assert [one["part"] for one in both.run.status()["started_from"]] == ["model", "discriminator"]
    torch.save({"state_dict": kept}, tmp_path / "disc.pth")
    alone = gan(tmp_path, 5, initial_discriminator=str(tmp_path / "disc.pth"))
    assert all(torch.equal(value, kept[key]) for key, value in alone.state()["discriminator"].state_dict().items())
    assert not torch.equal(alone.model.state_dict()["conv.weight"], both.model.state_dict()["conv.weight"])


def test_a_discriminator_where_there_is_none(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    run = begun(tmp_path)
    run.fit(TinySet())
    with pytest.raises(UserError, match="has no discriminator; trained by Tiny without one"):
        gan(tmp_path, initial_discriminator=str(run.run.last))
    with pytest.raises(ValueError, match="with weight 0 there is no discriminator"):
        tiny_config(tmp_path, model=GAN, adversarial_weight=0.0, initial_discriminator="a.pth")


@pytest.mark.parametrize("validate", [False, True])
def test_a_frozen_prefix_does_not_move(tmp_path: Path, validate: bool) -> None:
    trainer = tiny_trainer(tiny_config(tmp_path, max_steps=6, valid_every=2, sample_every=2, freeze=("norm",)))
    before = {key: value.clone() for key, value in trainer.model.state_dict().items()}
    trainer.fit(TinySet(), TinySet(5) if validate else None)
    after = trainer.model.state_dict()
    for key, value in before.items():
        assert torch.equal(after[key], value) == key.startswith("norm"), key
    assert trainer.model.training


def test_prefixes_that_mean_nothing() -> None:
    network = nn.ModuleDict({"face_encoder": nn.Linear(1, 1), "audio_encoder": nn.Linear(1, 1)})
    with pytest.raises(UserError, match="begins with 'face_encode_blocks'; the nearest are face_encoder"):
        freeze_prefixes(network, ["audio_encoder", "face_encode_blocks"])
    with pytest.raises(UserError, match="begins with 'zzz'; they begin with face_encoder, audio_encoder"):
        freeze_prefixes(network, ["zzz"])
    with pytest.raises(UserError, match="freeze: face_, audio_ leave nothing to train"):
        freeze_prefixes(network, ["face_", "audio_"])
