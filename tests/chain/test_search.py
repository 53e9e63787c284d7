"""`search`: a checked space, trials that are runs, and a search that goes on where it was stopped."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from talkingface.chain import search as module
from talkingface.chain.objective import find_objective
from talkingface.chain.search import search
from talkingface.cli.program import main
from talkingface.config.loader import Overrides
from talkingface.report.facts import Facts
from talkingface.report.searches import Trial, ranked, trials_table
from talkingface.trainer.run_folder import SavedRuns
from talkingface.utils.errors import UserError

pytest.importorskip("optuna", reason="requirements-search.txt is not installed")

TINY = {
    "device": "cpu", "show_progress": False, "num_workers": 0, "train_batch_size": 2, "max_steps": 2,
    "valid_batches": 1, "prepare_workers": 1,
}  # fmt: skip
SPACE = "learning_rate: {low: 1e-5, high: 1e-1, log: true}\nweight_decay: {choices: [0, 0.1]}\n"


@pytest.fixture
def model(prepared: Path, murmur: str) -> str:
    torch.set_num_threads(1)
    (prepared / "space.yaml").write_text(SPACE)
    return murmur


def run_names() -> list[str]:
    return sorted(run.name.rpartition("-")[2] for run in SavedRuns.read("saved").matching(finished=True))


def test_a_search_that_was_stopped_goes_on_and_names_its_best_run(model: str, monkeypatch: pytest.MonkeyPatch):
    tried: list[str] = []
    carry_out = module.carry_out

    def stopped(chain, until, **more):
        carry_out(chain, until, **more)
        if len(tried) == 0 and len(run_names()) == 2:
            tried.append("stopped")
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "carry_out", stopped)
    given = {"space": "space.yaml", "trials": 3}
    with pytest.raises(KeyboardInterrupt):
        search(model, "toy", Overrides(flags=TINY), **given, say=lambda line: None)
    assert run_names() == ["0", "1"], "the second was trained, and its result was not noted"
    lines: list[str] = []
    path = search(model, "toy", Overrides(flags=TINY), **given, say=lines.append)
    assert run_names() == ["0", "1", "2"], "its values were proposed again, and its run was there"
    assert path is not None and path.is_file() and path.parent.name.startswith(f"search-{model}-toy-")
    (best,) = (line for line in lines if line.startswith("Best: trial "))
    values = {run.name: run.status()["best_score"] for run in SavedRuns.read("saved").matching()}
    assert best.endswith(str(Path("saved", min(values, key=lambda name: values[name]))))
    assert best in path.with_suffix(".md").read_text()

    lines.clear()
    search(model, "toy", Overrides(flags=TINY), **given, say=lines.append)
    assert run_names() == ["0", "1", "2"] and not any(line.startswith("\n==") for line in lines)


def test_trials_without_a_result_are_told_and_end_a_search(model: str, monkeypatch: pytest.MonkeyPatch):
    def broken(chain, until, **more):
        raise UserError("step 3: the loss is nan")

    monkeypatch.setattr(module, "carry_out", broken)
    with pytest.raises(UserError, match="3 trials in a row had no result"):
        search(model, "toy", Overrides(flags=TINY), space="space.yaml", trials=9, say=lambda line: None)
    (text,) = Path("saved").glob("search-*/search.md")
    assert text.read_text().count("none: step 3: the loss is nan") == 3


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ("learning_rat: {low: 1, high: 2}", "learning_rat: unknown key (command line); did you mean 'learning_rate'?"),
        ("learning_rate: 5", "learning_rate: wanted {low: 1e-5, high: 1e-3, log: true} or"),
        ("learning_rate: {low: 2, high: 1}", "learning_rate: low: wanted less than high, got 2 and 1 (space.yaml:1)"),
        ("learning_rate: {low: 0, high: 1, log: true}", "log: wanted low above 0, got 0"),
        ("learning_rate: {low: 0.0, high: 1}", "learning_rate: wanted a number above 0, got 0.0"),
        ("learning_rate: {lo: 0, high: 1}", "got lo, high"),
        ("warmup_steps: {low: 0.0, high: 10.0}", "warmup_steps: wanted a whole number, got 3.75"),
        ("optimizer: {choices: [adam, sgd]}", "got 'sgd'"),
        ("optimizer: {choices: [adam]}", "choices: wanted a list of two or more values"),
        ("device: {choices: [cpu, cuda]}", "device: not in a search: it is no property of what is learnt"),
        ("fps: {choices: [25, 30]}", "fps: not in a search: all trials have the same data"),
        ("seed: {low: 1, high: 9}", "seed: not in a search"),
        ("max_steps: {low: 1, high: 9}", "max_steps: given as a flag too"),
        ("Wav2Lip.learning_rate: {low: 1, high: 2}", "Wav2Lip is not a model of this chain"),
        ("", "space.yaml: is empty"),
    ],
)
def test_a_space_is_checked_before_anything_runs(
    space: str, message: str, prepared: Path, capsys: pytest.CaptureFixture[str]
):
    (prepared / "space.yaml").write_text(space)
    (prepared / "videos").mkdir()
    assert main(["search", "-m", "SyncNet", "-d", "./videos", "--space=space.yaml", "--max_steps=5"]) == 2
    assert message in capsys.readouterr().err and not (prepared / "saved").exists()


def test_a_dry_run_checks_and_writes_nothing(model: str, prepared: Path, capsys: pytest.CaptureFixture[str]):
    (prepared / "space.yaml").write_text(
        "mouth_weight: {low: 1.0, high: 9.0}\nSyncNet.learning_rate: {low: 1, high: 2}\n"
    )
    flags = ["-m", "HyperLipsBase", "-d", "toy", "--space=space.yaml", "--num_frames=5", "--sync_weight=0.1"]
    assert main(["search", *flags, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "validation loss as small as possible in 20 trials" in out and "mouth_weight: 1 to 9" in out
    assert "the validation loss itself changes with mouth_weight" in out and "train SyncNet" in out
    assert not (prepared / "saved").exists()


def test_without_the_package_the_message_says_what_to_install(model: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UserError, match=r"needs the package optuna .*requirements-search\.txt"):
        search(model, "toy", Overrides(), space="space.yaml", trials=1)


def test_objectives():
    run = Facts(name="r", best_score=0.5, lines=[{"split": "valid", "loss": 0.5, "psnr_mouth": 21.0}])
    assert find_objective("loss", model="Wav2Lip").value(run) == 0.5
    shown = find_objective("valid_psnr_mouth", model="Wav2Lip")
    assert shown.value(run) == 21.0 and shown.direction == "maximize" and not shown.evaluated
    amplitude = find_objective("opening_amplitude", model="Wav2Lip")
    assert amplitude.direction == "minimize" and amplitude.target == 1.0 and amplitude.value(run) is None
    with pytest.raises(UserError, match="unknown objective 'opening_s'; did you mean 'opening_r'"):
        find_objective("opening_s", model="Wav2Lip")
    with pytest.raises(UserError, match="unknown objective 'opening_r'"):
        find_objective("opening_r", model="SyncNet")


def test_the_table_has_the_best_first():
    trials = [
        Trial(number=0, values={"lr": 0.1}, value=2.0, run=Path("saved/a")),
        Trial(number=1, values={"lr": 0.2}, value=None, run=None, reason="loss nan"),
        Trial(number=2, values={"lr": 0.3}, value=1.0, run=Path("saved/c")),
    ]
    assert [one.number for one in ranked(trials, maximise=False)] == [2, 0]
    lines = trials_table(trials, objective="validation loss", maximise=False, digits=2)
    assert lines == [
        ["trial", "lr", "validation loss ↓", "run"], ["2", "0.3", "1.00", "c"], ["0", "0.1", "2.00", "a"],
        ["1", "0.2", "–", "none: loss nan"],
    ]  # fmt: skip
