"""Fine-tuning by the real commands: official-shaped files of every model, checked before any work."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from test_chain import ALONE, TINY, files, find_runs
from torch import Tensor, nn

from talkingface import catalog
from talkingface.catalog.resolve import resolve
from talkingface.cli.program import main
from talkingface.config.loader import Overrides
from talkingface.model.audio_driven_talkingface.wav2lip import Wav2Lip_disc_qual
from talkingface.model.initial import fit, read_initial, take_over
from talkingface.model.layers.hr_decoder import HRDecoder

Weights = dict[str, Tensor]


def official(path: Path, network: nn.Module, *, module: bool = True) -> Weights:
    """Write a network's weights, moved a little, as original projects do; returns them."""
    state = {key: value * 1.5 if value.is_floating_point() else value for key, value in network.state_dict().items()}
    before = "module." if module else ""
    contents = {
        "state_dict": {f"{before}{key}": value for key, value in state.items()},
        "global_step": 7,
        "optimizer": {},
    }
    torch.save(contents, path)
    return state


def network(model: str) -> nn.Module:
    made: nn.Module = catalog.load(catalog.model_row(model).model)()
    return made


def command(model: str, *flags: str) -> list[str]:
    one = [*(flag for flag in TINY if not flag.startswith("--max_steps")), "--max_steps=1", "--learning_rate=1e-6"]
    return ["train", f"--model={model}", *one, *ALONE.get(model, []), *flags]


@pytest.mark.parametrize("model", [pytest.param("HyperLipsBase", marks=pytest.mark.slow), "Wav2Lip"])
def test_official_files_are_tuned_and_a_frozen_prefix_does_not_move(prepared: Path, model: str, capsys: Any):
    weights = official(prepared / "official.pth", network(model), module=model != "Wav2Lip")
    frozen = next(iter(weights)).split(".")[0]
    flags = ["--initial_weights=official.pth", f"--freeze={frozen}"]
    assert main(command(model, *flags)) == 0
    (run,) = find_runs("saved", model, finished=True)
    sha256 = hashlib.sha256((prepared / "official.pth").read_bytes()).hexdigest()
    assert f"starts from official.pth (sha256 {sha256[:16]}...)" in capsys.readouterr().out
    trained: Weights = torch.load(run.last, weights_only=True)["state_dict"]
    moved = {key for key, value in weights.items() if not torch.equal(trained[key], value)}
    assert moved and not [key for key in moved if key.startswith(frozen)]
    floats = [key for key, value in weights.items() if value.is_floating_point() and "running" not in key]
    assert all(torch.allclose(trained[key], weights[key], atol=1e-5) for key in floats), "it starts from them"

    (prepared / "moved").mkdir()
    (prepared / "official.pth").replace(prepared / "moved/again.pth")
    assert main([*command(model, "--initial_weights=moved/again.pth", flags[1]), "--dry-run"]) == 0
    assert "has finished with this configuration" in capsys.readouterr().out, "the contents decide"
    assert main([*command(model, flags[1]), "--dry-run"]) == 0
    assert "new run" in capsys.readouterr().out


@pytest.mark.parametrize("model", ["HyperLipsBase", "HyperLipsHR", "SyncNetWav2Lip"])
def test_the_plan_takes_official_files(prepared: Path, capsys: Any, model: str):
    """Of HyperLipsHR the decoder alone, as the original project's files hold it; the Base is base_checkpoint's."""
    flags = []
    if model == "HyperLipsHR":
        official(prepared / "base.pth", network("HyperLipsBase"))
        flags = ["--base_checkpoint=base.pth"]
    official(prepared / "official.pth", HRDecoder(1) if model == "HyperLipsHR" else network(model))
    assert main([*command(model, "--initial_weights=official.pth", *flags), "--dry-run"]) == 0
    assert f"{model} starts from official.pth (another program's weights; sha256 " in capsys.readouterr().out


def test_an_official_decoder_leaves_the_base_as_it_is(prepared: Path):
    decoder = official(prepared / "hr.pth", HRDecoder(1))
    config = resolve("HyperLipsHR", "toy", Overrides(flags={"initial_weights": "hr.pth"}, profile="none")).config
    whole = network("HyperLipsHR")
    base = {key: value.clone() for key, value in whole.state_dict().items() if key.startswith("base.")}
    take_over(fit(whole, read_initial(config)["model"], config))
    state = whole.state_dict()
    assert all(torch.equal(state[key], value) for key, value in base.items())
    assert all(torch.equal(state[f"decoder.{key}"], value) for key, value in decoder.items())


def test_the_discriminator_is_held_against_the_recipes_too(prepared: Path, capsys: Any):
    flags = ["--initial_discriminator=disc.pth", "--adversarial_weight=0.1"]
    every = [flag for flag in command("Wav2Lip") if not flag.startswith("--adversarial")]
    official(prepared / "disc.pth", network("SyncNet"))
    assert main([*every, *flags, "--dry-run"]) == 2
    assert "initial_discriminator: disc.pth: " in capsys.readouterr().err
    official(prepared / "disc.pth", Wav2Lip_disc_qual())
    assert main([*every, *flags, "--dry-run"]) == 0
    assert "Wav2Lip (discriminator) starts from disc.pth (another program's weights" in capsys.readouterr().out
    assert main([*every, *flags, "--spectral_norm=true", "--dry-run"]) == 2, "such a one has other weights"


def test_what_does_not_fit_is_found_before_any_work(prepared: Path, capsys: Any):
    official(prepared / "expert.pth", network("SyncNet"))
    before = files(prepared)
    layers = "; and 9 more, of the layers face_encoder."
    for flag, said in (
        ("--initial_weights=expert.pth", "15 weights do not fit SyncNetWav2Lip, 216 do: unknown face_enc"),
        ("--initial_weights=expert.pth", layers),
        ("--initial_weights=gone.pth", "initial_weights: gone.pth: no such checkpoint"),
        ("--freeze=face_encode", None),
        ("--freeze=mouth", "freeze: no parameter's name begins with 'mouth'; they begin with face_encoder"),
    ):
        code = main([*command("SyncNetWav2Lip", flag), *([] if said else ["--dry-run"])])
        assert code == (2 if said else 0)
        captured = capsys.readouterr()
        assert (said or "weights are not trained (freeze)") in captured.err + captured.out
        assert files(prepared) == before
