"""`--resume=RUN`: a run goes on with its own values and what is given now; another training is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from test_chain import TINY, find_runs

from talkingface.chain.part import clips_mark
from talkingface.chain.resume import resumed, resumed_workspace
from talkingface.chain.workspace import Workspace
from talkingface.cli.program import main
from talkingface.config.loader import Overrides
from talkingface.config.plain import read_config
from talkingface.trainer.run_folder import RunFolder
from talkingface.utils.errors import UserError

GIVEN = {"learning_rate": 2e-3, "img_size": 64}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    return tmp_path


def made_run(*, finished: bool = False, **flags: Any) -> RunFolder:
    """A run of HyperLipsBase that has trained 100 steps, as far as its files tell."""
    part = Workspace.of("./videos", Overrides(flags={"max_steps": 100, **flags}, profile="none")).part("HyperLipsBase")
    run = RunFolder.create(part.config, fingerprint=part.identity)
    run.last.write_bytes(b"weights")
    ended = {"ended_by": "max_steps", "steps": 100, "minutes": 1.0, "steps_per_minute": None, "bad_validations": 0}
    run.update_status(
        finished=finished, clips=clips_mark(part.config), train_samples=100, **(ended if finished else {})
    )
    return run


def choice(run: RunFolder | str, model: str | None = None, dataset: str | None = None, **flags: Any) -> Any:
    name = run if isinstance(run, str) else run.name
    found = resumed(Overrides(flags={"resume": name, **flags}), model, dataset)
    assert found is not None
    workspace, part = resumed_workspace(found)
    return workspace.choose_run(part), part.config


def test_values_are_the_runs_and_those_given_now(here: Path) -> None:
    run = made_run(seed=7, sync_weight=0.5)
    chosen, config = choice(run, learning_rate=3e-5, log_every=3, l1_weight=2)
    assert (config.run.seed, config.model.sync_weight, config.model.max_steps) == (7, 0.5, 100)
    assert (config.model.learning_rate, config.model.log_every, config.model.l1_weight) == (3e-5, 3, 2)
    assert (chosen.run.path, chosen.finished, config.run.resume) == (Path("saved") / run.name, False, "auto")
    assert chosen.reason.startswith(f"continue {run.path}, as resume asks, with ")
    assert "learning_rate 0.0001 -> 3e-05" in chosen.reason


def test_a_run_is_found_by_folder_and_name_wherever_it_lies(here: Path) -> None:
    run = made_run()
    assert choice(str(run.path))[0].run.path == run.path
    moved = here / "elsewhere" / run.name
    shutil.move(run.path, moved)
    assert choice(str(moved))[1].run.saved_dir == str(here / "elsewhere")
    assert choice(run.name, saved_dir="elsewhere")[0].run.name == run.name
    with pytest.raises(UserError, match="resume: wanted auto, never, or a run to go on with; Gone is none"):
        choice("Gone")


def test_the_weights_it_started_from_are_not_asked_for_again(here: Path) -> None:
    (here / "start.pth").write_bytes(b"weights")
    run = made_run(initial_weights="start.pth")
    (here / "start.pth").unlink()
    assert choice(run)[1].model.initial_weights_sha256 is not None


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"img_size": 64}, "img_size is 128 in .*, now 64: that is another training; .*--initial_weights="),
        ({"train_batch_size": 4}, "train_batch_size is 28"),
        ({"seed": 3}, "seed is 0"),
        ({"freeze": "x"}, "freeze is"),
        ({"adversarial_weight": 0}, "with adversarial_weight 0.2 -> 0.0 would have another discriminator"),
        ({"model": "Wav2Lip"}, "is of HyperLipsBase, not of Wav2Lip; leave --model out"),
        ({"dataset": "demo"}, "is of videos, not of demo; leave --dataset out"),
    ],
)
def test_another_training_is_refused(here: Path, flags: dict[str, Any], said: str) -> None:
    run = made_run()
    names = {key: flags.pop(key, None) for key in ("model", "dataset")}
    with pytest.raises(UserError, match=said):
        choice(run, names["model"], names["dataset"], **flags)


def test_a_finished_run_needs_a_later_end(here: Path) -> None:
    run = made_run(finished=True)
    assert choice(run)[0].finished and "a larger max_steps lets it go on" in choice(run)[0].reason
    with pytest.raises(UserError, match="has ended by max_steps after 100 steps; to go on with another learning_rate"):
        choice(run, learning_rate=3e-5)
    assert not choice(run, learning_rate=3e-5, max_steps=200)[0].finished


def test_clips_that_changed_are_refused_and_profiles_too(here: Path) -> None:
    run = made_run()
    lists = here / "dataset/videos/filelist"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a/1\n")
    (lists / "val.txt").write_text("a/2\n")
    with pytest.raises(UserError, match="have changed since"):
        choice(run)
    with pytest.raises(UserError, match="profile: not with --resume=RUN"):
        resumed(Overrides(flags={"resume": run.name}, profile="quick"), None, None)


def test_the_commands_go_on_with_a_run(prepared: Path, murmur: str, capsys: Any) -> None:
    train = ["train", f"--model={murmur}", *TINY, "--learning_rate=1e-3"]
    assert main(train) == 0
    (run,) = find_runs("saved")
    onward = [f"--resume={run.name}", "--max_steps=4", "--learning_rate=5e-4"]
    assert main(["check", *onward]) == 0
    out = capsys.readouterr().out
    assert f"continue {run.path}, as resume asks, with learning_rate 0.001 -> 0.0005; ends after 4 steps" in out
    assert main(["train", *onward, "--print-config"]) == 0
    assert f"# {run.config_file}" in capsys.readouterr().out
    found = resumed(Overrides(flags={"resume": run.name}), None, None)
    assert found is not None
    kept = resumed_workspace(found)[0].trained(run.best, model=murmur, on_dataset=True).config
    assert (kept.dataset.prepare_workers, kept.run.num_workers, kept.model.valid_batches) == (1, 0, 1), "to evaluate by"
    assert main(["train", *onward]) == 0
    assert [one.path for one in find_runs("saved")] == [run.path]
    assert run.status()["steps"] == 4 and read_config(run.config_file)["model"]["learning_rate"] == 5e-4
    assert {one["key"] for one in run.status()["changes"]} == {"max_steps", "learning_rate"}
    capsys.readouterr()
    anew = [flag for flag in train if not flag.startswith(("--learning_rate", "--max_steps"))]
    assert main([*anew, *onward[1:], "--dry-run"]) == 0
    assert "new run" in capsys.readouterr().out, "a training with that rate from its first step on is another one"
    assert main(["train", *onward]) == 0
    assert "has finished; a larger max_steps lets it go on" in capsys.readouterr().out
    assert main(["train", f"--resume={run.name}", "--seed=5"]) == 2
    assert "seed is 0 in" in capsys.readouterr().err
