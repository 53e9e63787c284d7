"""Split lists that preparation makes, and those it finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from talkingface.data.dataprocess.steps.split import make_lists, split_clips
from talkingface.data.dataset.filelist import read_lists
from talkingface.utils.errors import UserError


def clips(speakers, each):
    return {f"s{s:02d}/c{c}": f"s{s:02d}/c{c}.mp4" for s in range(speakers) for c in range(each)}


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, (1, 0, 0)), (2, (1, 1, 0)), (3, (1, 1, 1)), (4, (2, 1, 1)), (60, (54, 3, 3))]
)
def test_few_clips_still_make_lists(tmp_path, make_data, count, sizes):
    lists = split_clips(clips(1, count), make_data(tmp_path))
    assert tuple(len(lists[split]) for split in ("train", "val", "test")) == sizes
    together = [name for names in lists.values() for name in names]
    assert sorted(together) == sorted(clips(1, count))


def test_ten_speakers_are_not_mixed_and_nine_are(tmp_path, make_data):
    data = make_data(tmp_path)
    for speakers, apart in ((10, True), (9, False)):
        lists = split_clips(clips(speakers, 20), data)
        sets = [{name.split("/")[0] for name in names} for names in lists.values()]
        assert (sum(map(len, sets)) == speakers) == apart


def test_pieces_of_one_video_stay_together(tmp_path, make_data):
    sources = {f"s/v{v}_{k:03d}": f"s/v{v}.mp4" for v in range(6) for k in range(5)}
    lists = split_clips(sources, make_data(tmp_path))
    videos = [{sources[name] for name in names} for names in lists.values()]
    assert sum(map(len, videos)) == 6
    one_video = dict.fromkeys(sources, "s/v.mp4")
    assert all(split_clips(one_video, make_data(tmp_path)).values())


def test_seed_decides(tmp_path, make_data):
    many = clips(3, 30)
    one, again, other = (split_clips(many, make_data(tmp_path, split_seed=seed)) for seed in (0, 0, 1))
    assert one == again
    assert one != other


def test_a_fraction_of_zero_makes_an_empty_list(tmp_path, make_data):
    assert split_clips(clips(1, 10), make_data(tmp_path, test_fraction=0.0))["test"] == []


def test_existing_lists_stay_and_missing_ones_take_what_is_free(tmp_path, make_data, write_lists):
    data = make_data(tmp_path)
    write_lists(data, train=["s00/c0", "s00/c1", "s00/gone"], val=["s00/c2"])
    before = (Path(data.filelist_root) / "train.txt").read_bytes()
    lists = make_lists(data, clips(1, 5))
    assert (Path(data.filelist_root) / "train.txt").read_bytes() == before
    assert lists.made == ("test",)
    assert set(read_lists(data.filelist_root)["test"]) <= {"s00/c3", "s00/c4"}
    assert lists.unknown == {"train": ["s00/gone"]}
    assert lists.sizes["train"] == 2


def test_a_clip_in_two_lists_is_refused(tmp_path, make_data, write_lists):
    data = make_data(tmp_path)
    write_lists(data, train=["s00/c0"], val=["s00/c0"])
    with pytest.raises(UserError, match="s00/c0"):
        make_lists(data, clips(1, 5))
