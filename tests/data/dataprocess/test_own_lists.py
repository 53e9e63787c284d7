"""The user's own lists are looked at by every command and never overwritten; videos that are the same stay together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from talkingface.chain.prepare import check_data
from talkingface.cli import program
from talkingface.config.schema import DatasetConfig
from talkingface.data.dataprocess.steps.folders import dataset_videos
from talkingface.data.dataprocess.steps.list_check import check_lists, identical_videos
from talkingface.data.dataprocess.steps.split import make_lists, split_clips
from talkingface.data.dataset.filelist import list_path, read_lists, write_list
from talkingface.demo.config import DemoConfig
from talkingface.demo.render import _lists, _lists_to_write
from talkingface.utils.errors import UserError
from talkingface.utils.made_files import is_own, write_made


@pytest.fixture
def config(tmp_path: Path) -> DatasetConfig:
    """Six videos of three speakers; the bytes of a/1 and c/2 are the same."""
    root = tmp_path / "data"
    for speaker in "abc":
        for clip in "12":
            path = root / speaker / f"{clip}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"{speaker}{clip}".encode() * 200_000)
    (root / "c/2.mp4").write_bytes((root / "a/1.mp4").read_bytes())
    other = bytearray((root / "a/1.mp4").read_bytes())
    other[100_000] ^= 1  # where a mark of its contents does not look
    (root / "b/1.mp4").write_bytes(other)
    places = {"preprocessed_root": "prepared", "packed_root": "packed", "filelist_root": "lists"}
    return DatasetConfig(data_root=str(root), **{key: str(tmp_path / name) for key, name in places.items()})


def lists(config: DatasetConfig, **names: str) -> Path:
    root = Path(config.filelist_root)
    root.mkdir(exist_ok=True)
    for split, text in names.items():
        list_path(root, split).write_text("".join(f"{name}\n" for name in text.split()))
    return root


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"train": "a/1 a/2", "val": "b/1 a/2"}, r"lists: 1 clips are in two lists \(first: a/2, in train.txt and val"),
        ({"train": "a/1 a/2", "test": "a/1"}, r"first: a/1, in train.txt and test.txt"),
        ({"train": "", "val": "b/1"}, r"train\.txt: is empty; list clips"),
        ({"train": "a/1", "val": ""}, r"val\.txt: is empty; list clips"),
        ({"train": "a/1 a/7 d/1"}, r"train\.txt: 2 of its 3 clips are not there \(a/7, d/1\)"),
        ({"train": "a/2", "val": "b/1_x"}, r"val\.txt: 1 of its 1 clips are not there \(b/1_x\)"),
        (
            {"train": "a/1", "val": "c/2"},
            r"of a/1 \(train\.txt\) and c/2 \(val\.txt\) are the same byte for byte",
        ),
        ({"train": "c/2_000", "val": "a/1_000"}, r"a/1_000 \(val\.txt\) and c/2_000 \(train\.txt\) are the same"),
    ],
)
def test_own_lists_are_refused_with_names(config: DatasetConfig, own: dict[str, str], message: str) -> None:
    lists(config, **own)
    for check in (check_lists, lambda data: check_data(None, data)):  # type: ignore[arg-type]
        with pytest.raises(UserError, match=message) as caught:
            check(config)
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "own",
    [
        {},
        {"train": "a/1 a/2", "val": "b/1 b/2", "test": ""},
        {"train": "a/1 c/2", "val": "b/1"},
        {"train": "a/1_000 a/1_001 c/2_000", "val": "c/2_003 b/1_000"},
    ],
)
def test_lists_that_are_as_they_should_be(config: DatasetConfig, own: dict[str, str]) -> None:
    if own:
        lists(config, **own)
    check_lists(config)


def test_every_command_refuses_them(config: DatasetConfig, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    lists(config, train="a/1 gone/1", val="b/1")
    keys = ("data_root", "filelist_root", "preprocessed_root", "packed_root")
    places = [f"--{key}={getattr(config, key)}" for key in keys] + [f"--saved_dir={tmp_path / 'saved'}"]
    for command in ("prepare", "train", "run", "check"):
        code = program.main([command, "--model=SyncNet", "--dataset=mine", *places, "--device=cpu"])
        assert code == 2
        assert "train.txt: 1 of its 2 clips are not there (gone/1)" in capsys.readouterr().err
    assert not (tmp_path / "saved").exists() and not Path(config.preprocessed_root).exists()


def test_lists_that_were_made_may_be_short_of_clips_that_have_gone(config: DatasetConfig) -> None:
    write_list(list_path(config.filelist_root, "train"), ["a/1", "gone/1"])
    write_list(list_path(config.filelist_root, "val"), [])
    check_lists(config)
    path = list_path(config.filelist_root, "train")
    assert not is_own(path)
    path.write_text(path.read_text() + "gone/2\n")
    assert is_own(path)
    with pytest.raises(UserError, match=r"gone/1, gone/2"):
        check_lists(config)


def test_the_same_videos_are_found_by_all_their_bytes(config: DatasetConfig) -> None:
    found = identical_videos(config, dataset_videos(config))
    assert {str(one): str(first) for one, first in found.items()} == {"c/2.mp4": "a/1.mp4"}


@pytest.mark.parametrize("speakers", [1, 4, 14])
def test_videos_that_are_the_same_go_to_one_list(config: DatasetConfig, speakers: int) -> None:
    """Whatever clips are shared by: pieces, videos or speakers."""
    for seed in range(8):
        sources = {f"s{k}/{name}": f"s{k}/{name}" for k in range(speakers) for name in ("x", "y")}
        twin = f"s{speakers - 1}/y"
        sources[twin] = "s0/x"
        shared = split_clips(sources, replace(config, split_seed=seed, val_fraction=0.3, test_fraction=0.3))
        place = {name: split for split, names in shared.items() for name in names}
        assert place[twin] == place["s0/x"] and len(place) == len(sources)


def test_the_twin_of_a_listed_clip_is_put_into_no_other_list(config: DatasetConfig) -> None:
    root = lists(config, train="a/1 a/2")
    sources = {name: name for name in ("a/1", "a/2", "b/1", "b/2", "c/1")} | {"c/2": "a/1"}
    make_lists(config, sources)
    found = read_lists(root)
    assert found["val"] and found["test"] and "c/2" not in found["val"] + found["test"]
    assert found["train"] == ["a/1", "a/2"]


def test_the_demo_leaves_own_lists_alone(config: DatasetConfig) -> None:
    demo = DemoConfig(
        data_root=config.data_root, filelist_root=config.filelist_root, preprocessed_root="", packed_root="",
        demo_identities=2, demo_clips=3, demo_val_clips=1, demo_test_clips=1,
    )  # fmt: skip
    made = _lists(demo)
    assert _lists_to_write(demo) == made
    for path, text in made.items():
        write_made(path, text)
    assert _lists_to_write(demo) == {}
    other = replace(demo, demo_val_clips=0)
    assert _lists_to_write(other)  # its own, of other settings
    own = list_path(demo.filelist_root, "train")
    own.write_text("id00/take01\n")
    assert _lists_to_write(demo) == _lists_to_write(other) == {}
    assert own.read_text() == "id00/take01\n"
