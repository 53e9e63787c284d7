"""Where weights and runs are looked for, and in which order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from talkingface.catalog.resolve import choose_dataset
from talkingface.chain.workspace import Part, checkpoint_file, choose_run, clips_mark, find_weights, make_part
from talkingface.config.loader import Overrides
from talkingface.trainer.run_folder import RunFolder
from talkingface.utils.errors import CheckpointError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    return tmp_path


def part(model: str = "HyperLipsBase", **flags: object) -> Part:
    return make_part(model, choose_dataset("./videos"), Overrides(flags=flags))


def made_run(of: Part, *, finished: bool, created: str, fingerprint: str | None = None) -> RunFolder:
    run = RunFolder.create(of.config, fingerprint=fingerprint or of.fingerprint)
    run.update_status(finished=finished, created=created)
    run.best.write_bytes(b"weights")
    return run


def test_needs_follow_the_recipe():
    assert [one.row.name for one in part().chain()] == ["SyncNet", "HyperLipsBase"]
    assert [one.row.name for one in part(sync_weight=0).chain()] == ["HyperLipsBase"]


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
    new = made_run(expert, finished=True, created="2021", fingerprint="another recipe")
    assert find_weights(expert).path == new.best and find_weights(expert).run.path == new.path

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
    made_run(one, finished=True, created="2023", fingerprint="another recipe")
    assert choose_run(one).run is None
    done = made_run(one, finished=True, created="2020")
    assert choose_run(one).finished and choose_run(one).run.path == done.path
    cut = made_run(one, finished=False, created="2021")
    choice = choose_run(one)
    assert (choice.run.path, choice.finished) == (cut.path, False) and "cut short" in choice.reason
    assert choose_run(part(device="cpu", num_workers=0)).run.path == cut.path
    assert choose_run(part(learning_rate=0.5)).run is None
    assert choose_run(part(resume="never")).run is None


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
