"""What a workspace finds: configurations, runs and weights, in which order, and each of them once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from talkingface.chain.part import Part, clips_mark
from talkingface.chain.workspace import RunChoice, Weights, Workspace
from talkingface.config.loader import Overrides
from talkingface.config.schema import ConfigError
from talkingface.model.checkpoint import checkpoint_file
from talkingface.trainer.progress import Progress, end_status
from talkingface.trainer.run_folder import RunFolder
from talkingface.utils.errors import CheckpointError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    return tmp_path


def part(model: str = "HyperLipsBase", **flags: object) -> Part:
    return workspace(**flags).part(model)


def workspace(**flags: object) -> Workspace:
    return Workspace.of("./videos", Overrides(flags=flags))


def find_weights(part: Part, given: str | None = None) -> Weights:
    """As a command that begins now finds them."""
    return workspace().weights(part, given)


def choose_run(part: Part) -> RunChoice:
    return workspace().choose_run(part)


def made_run(of: Part, *, finished: bool, created: str) -> RunFolder:
    run = RunFolder.create(of.config, fingerprint=of.identity)
    run.update_status(finished=finished, created=created)
    run.best.write_bytes(b"weights")
    return run


def test_needs_follow_the_recipe():
    assert [one.row.name for _, one in part().needs] == ["SyncNet"]
    assert part(sync_weight=0).needs == ()


def test_a_needed_model_keeps_its_own_recipe():
    whole = part(train_batch_size=3, seed=5)
    ((_, expert),) = whole.needs
    assert whole.config.model.train_batch_size == 3
    assert expert.config.model.train_batch_size == part("SyncNet").config.model.train_batch_size
    assert expert.config.run.seed == 5


def test_weights_are_looked_for_in_this_order(here: Path):
    expert = part("SyncNet")
    nothing = find_weights(expert)
    assert nothing.path is None
    assert "no finished run of SyncNet on videos in saved/" in nothing.reason
    assert "no SyncNet-videos.pth or SyncNet.pth in checkpoints/" in nothing.reason

    (here / "checkpoints").mkdir()
    for name in ("SyncNet.pth", "SyncNet-videos.pth"):
        (here / "checkpoints" / name).write_bytes(b"weights")
        assert find_weights(expert).path == Path("checkpoints", name)

    old = made_run(expert, finished=True, created="2020")
    made_run(expert, finished=False, created="2022")
    assert find_weights(expert).path == old.best
    new = made_run(part("SyncNet", learning_rate=0.5), finished=True, created="2021")
    assert find_weights(expert).path == new.best

    (here / "mine.pth").write_bytes(b"weights")
    assert find_weights(expert, "mine.pth").path == Path("mine.pth")
    with pytest.raises(CheckpointError, match=r"gone\.pth: no such checkpoint"):
        find_weights(expert, "gone.pth")


def test_runs_of_other_datasets_do_not_count():
    expert = part("SyncNet")
    made_run(replace(expert, resolved=replace(expert.resolved, config=replace(expert.config, dataset_name="other"))),
             finished=True, created="2020")  # fmt: skip
    assert find_weights(expert).path is None


def test_the_newest_equal_run_is_continued_or_used():
    one = part()
    assert choose_run(one).run is None and not choose_run(one).finished
    made_run(part(learning_rate=0.25), finished=True, created="2023")
    assert choose_run(one).run is None
    done = made_run(one, finished=True, created="2020")
    assert choose_run(one).finished and choose_run(one).run.path == done.path
    cut = made_run(one, finished=False, created="2021")
    choice = choose_run(one)
    assert (choice.run.path, choice.finished) == (cut.path, False) and "cut short" in choice.reason
    for harmless in (
        {"device": "cpu", "num_workers": 0, "precision": "bf16", "crf": 30, "leakage_clips": 0},
        {"log_every": 3, "save_every": 7, "valid_every": 9, "max_steps": 50, "epochs": 3, "evaluate_batch_size": 2},
        {"prepare_workers": 3, "clip_timeout": 9.0, "data_root": "./videos/", "packed_root": "elsewhere"},
    ):
        assert choose_run(part(**harmless)).run.path == cut.path, harmless
    assert choose_run(part(learning_rate=0.5)).run is None
    assert choose_run(part(resume="never")).run is None


def test_a_name_is_of_the_run_asked_for_and_chooses_among_equal_ones():
    named = part(run_name="wide", note="twice as wide")
    ((_, expert),) = named.needs
    assert (expert.config.run.run_name, expert.config.run.note) == (None, None)
    first = made_run(named, finished=True, created="2020")
    assert first.name.endswith("-wide") and first.status()["note"] == "twice as wide"
    newest = made_run(part(), finished=True, created="2021")
    assert choose_run(named).run.path == first.path
    assert choose_run(part()).run.path == choose_run(part(run_name="other")).run.path == newest.path


@pytest.mark.parametrize("name", ["a/b", "..", "", "x.", "-x", "a b", "x" * 61, "nul\\", "a\n"])
def test_a_name_that_no_folder_should_have_is_refused(name: str):
    with pytest.raises(ConfigError, match="run_name: wanted 1 to 60 letters, digits"):
        part(run_name=name)
    assert part(run_name="lr3e-4_b.2").config.run.run_name == "lr3e-4_b.2"


def test_a_checkpoint_is_a_file_or_a_runs_folder(here: Path):
    run = made_run(part(), finished=True, created="2020")
    assert checkpoint_file(str(run.path)) == run.best == checkpoint_file(str(run.checkpoints))
    assert checkpoint_file(str(run.best)) == run.best
    run.best.unlink()
    with pytest.raises(CheckpointError, match="no checkpoint in this folder"):
        checkpoint_file(str(run.path))
    run.last.write_bytes(b"weights")
    assert checkpoint_file(str(run.path)) == run.last


def test_a_run_on_other_clips_is_not_taken(here: Path):
    one = part()
    run = made_run(one, finished=True, created="2020")
    run.update_status(clips=clips_mark(one.config))
    assert choose_run(one).finished
    (here / "dataset/videos/filelist").mkdir(parents=True)
    (here / "dataset/videos/filelist/train.txt").write_text("anna/1\n")
    choice = choose_run(one)
    assert choice.run is None and f"the clips have changed since {run.path}" in choice.reason


def test_a_damaged_status_is_named_and_passed_over(here: Path, caplog: pytest.LogCaptureFixture):
    one = part("SyncNet")
    run = made_run(one, finished=True, created="2020")
    (here / "saved/SyncNet-videos-broken").mkdir()
    (here / "saved/SyncNet-videos-broken/status.json").write_text("{")
    space = workspace()
    with caplog.at_level("WARNING", logger="talkingface"):
        assert space.weights(one).path == run.best
        assert space.choose_run(one).finished
    assert ["SyncNet-videos-broken" in record.getMessage() for record in caplog.records] == [True]


def test_a_finished_run_is_continued_where_its_end_lies_later(here: Path):
    one = part(max_steps=4)
    run = made_run(one, finished=True, created="2020")
    run.update_status(**end_status(one.config.model, Progress(step=4), 100))
    assert choose_run(one).finished
    assert choose_run(part(max_steps=3)).finished
    choice = choose_run(part(max_steps=6))
    assert (choice.run is not None and choice.run.path, choice.finished) == (run.path, False)
    assert "which ended by max_steps" in choice.reason
    assert choose_run(part(max_steps=6, learning_rate=0.5)).run is None, "another training"


def test_saved_is_read_once(here: Path, monkeypatch: pytest.MonkeyPatch):
    one = part("SyncNet")
    made_run(one, finished=True, created="2020")
    made_run(one, finished=False, created="2021")
    read: list[Path] = []
    status = RunFolder.status
    monkeypatch.setattr(RunFolder, "status", lambda self: read.append(self.path) or status(self))
    space = workspace()
    for _ in range(3):
        space.weights(one)
        space.choose_run(one)
    assert len(read) == len(set(read)) == 2


def test_configurations_are_resolved_once(monkeypatch: pytest.MonkeyPatch):
    from talkingface.chain import workspace as module

    asked: list[str | None] = []
    resolve = module.resolve
    monkeypatch.setattr(module, "resolve", lambda model, *a, **k: asked.append(model) or resolve(model, *a, **k))
    space = workspace()
    for _ in range(3):
        space.part("HyperLipsHR")
        space.part("SyncNet", asked_for=False)
    assert sorted(str(name) for name in asked) == ["HyperLipsBase", "HyperLipsHR", "SyncNet"]
