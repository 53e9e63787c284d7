"""`repeat`: several seeds of one configuration or two, each a run, continued where it was stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from talkingface.chain import repeat as module
from talkingface.chain.repeat import configurations, repeat
from talkingface.cli.program import main
from talkingface.config.loader import Overrides
from talkingface.trainer.run_folder import SavedRuns
from talkingface.utils.errors import UserError

TINY = {
    "device": "cpu", "show_progress": False, "num_workers": 0, "train_batch_size": 2, "max_steps": 2,
    "valid_batches": 1, "prepare_workers": 1, "leakage_clips": 0,
}  # fmt: skip


@pytest.fixture
def model(prepared: Path, murmur: str) -> str:
    torch.set_num_threads(1)
    return murmur


def runs(**status: object) -> list[str]:
    return sorted(run.name.split("-", 4)[-1] for run in SavedRuns.read("saved").matching(**status))


def test_each_seed_is_a_run_and_is_trained_once(model: str, monkeypatch: pytest.MonkeyPatch):
    lines: list[str] = []
    done = repeat(model, "toy", Overrides(flags=TINY), seeds=[0, 1], say=lines.append)
    assert done is not None and runs(finished=True) == ["seed0", "seed1"]
    (group,) = done.groups
    assert [one.seed for one in group.runs.values()] == [0, 1]
    first, second = (one.best_score for one in group.runs.values())
    assert first != second and f"{(first + second) / 2:.4f} ± " in done.table
    text = done.path.with_suffix(".md").read_text()
    assert done.path.is_file() and "| validation loss ↓ |" in text and "seed 1" in text

    before = {path: path.stat().st_mtime_ns for path in Path("saved").rglob("*.pth")}
    again = repeat(model, "toy", Overrides(flags=TINY), seeds=[0, 1, 2], say=lines.append)
    assert again is not None and runs() == ["seed0", "seed1", "seed2"]
    assert {path: path.stat().st_mtime_ns for path in before} == before, "finished seeds stand"


def test_two_configurations_take_turns(model: str, prepared: Path, capsys: pytest.CaptureFixture[str]):
    (prepared / "fast.yaml").write_text("learning_rate: 0.5\n")
    flags = [f"--{key}={str(value).lower()}" for key, value in TINY.items()]
    command = ["repeat", f"--model={model}", "--dataset=toy", *flags, "--seeds=3,4", "--against=fast.yaml"]
    assert main([*command, "--dry-run"]) == 0
    assert not Path("saved").exists() and capsys.readouterr().out.count("== ") == 4
    assert main([*command, "--run_name=rate"]) == 0
    out = capsys.readouterr().out
    assert "as given, 2 seeds" in out and "fast, 2 seeds" in out and "difference" in out
    assert runs() == ["rate-fast-seed3", "rate-fast-seed4", "rate-seed3", "rate-seed4"]
    assert Path(f"saved/repeat-{model}-toy-rate.html").is_file()


def test_the_files_values_stand_above_the_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("other.yaml").write_text("model: Wav2Lip\nlearning_rate: 2\nprofile: none\n")
    given = Overrides(flags={"learning_rate": "1", "seed_": "x"}, profile="quick")
    first, second = configurations("HyperLipsBase", "demo", given, against="other.yaml")
    assert (first.title, second.title, second.model) == ("as given", "other", "Wav2Lip")
    assert (first.label, second.label) == ("", "other")
    assert second.overrides.flags == {"seed_": "x"} and second.overrides.profile is None
    assert second.overrides.files == ("other.yaml",)


@pytest.mark.parametrize(
    ("flags", "seeds", "message"),
    [
        ({}, [1], "--seeds: wanted two or more different whole numbers, got 1"),
        ({}, [1, 1], "--seeds: wanted two or more different"),
        ({"seed": 1}, [1, 2], "seed: every seed is a training of its own here"),
        ({"resume": "never"}, [1, 2], "resume: never would train finished seeds again"),
        ({"learning_rate": 0.5}, [1, 2], "--against: makes no other training of it"),
    ],
)
def test_what_cannot_be_repeated(
    flags: dict[str, object], seeds: list[int], message: str, prepared: Path, monkeypatch: pytest.MonkeyPatch
):
    (prepared / "same.yaml").write_text("learning_rate: 0.5\n")
    monkeypatch.setattr(module, "carry_out", lambda *args, **more: pytest.fail("nothing is trained"))
    with pytest.raises(UserError, match=message):
        repeat("SyncNet", "toy", Overrides(flags=flags), seeds=seeds, against="same.yaml")
