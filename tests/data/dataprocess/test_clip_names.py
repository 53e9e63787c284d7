"""Names of clips: derived from paths, never two alike."""

from __future__ import annotations

import os
from pathlib import PurePosixPath

from talkingface.data.dataprocess.steps.folders import MAX_BYTES, clip_names, find_videos


def names(*paths):
    return [clip_names([PurePosixPath(path) for path in paths], "top")[PurePosixPath(path)] for path in paths]


def test_speaker_is_the_first_folder_and_deeper_ones_join_the_clip():
    assert names("M003/001.mp4", "M003/front/happy/001.mp4", "solo.mov") == [
        "M003/001",
        "M003/front_happy_001",
        "top/solo",
    ]


def test_dots_stay_and_white_space_goes():
    assert names("s/a.b.c.mp4", "my speaker/clip 1.mp4") == ["s/a.b.c", "my_speaker/clip_1"]


def test_files_that_differ_in_suffix_or_folder_only_do_not_collide():
    found = names("s/a.mp4", "s/a.avi", "s/a_mp4.mov", "s/b/c.mp4", "s/b_c.mp4", "s/B_C.mp4", "s/v.1.mp4", "s/v.2.mp4")
    assert len({name.lower() for name in found}) == len(found)
    assert found[1] == "s/a_avi"
    assert found[-2:] == ["s/v.1", "s/v.2"]


def test_names_can_be_written_in_a_list_and_on_disk():
    odd = [os.fsdecode(b"s/\xff.mp4"), os.fsdecode(b"s/\xfe.mp4"), "s/...mp4", "s/" + "x" * 240 + ".mp4"]
    found = names(*odd)
    assert len(set(found)) == 4
    for name in found:
        name.encode("utf-8")
        assert len(name.split("/")[1].encode()) < MAX_BYTES + 30
        assert name.split() == [name]


def test_search_is_deep_follows_links_once_and_passes_hidden_files(tmp_path):
    (tmp_path / "s" / "deep").mkdir(parents=True)
    for name in ("s/a.mp4", "s/deep/b.MKV", "s/.c.mp4", "s/notes.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "s" / "deep" / "loop").symlink_to(tmp_path / "s")
    other = tmp_path.parent / f"{tmp_path.name}_elsewhere"
    other.mkdir()
    (other / "d.mp4").write_text("x")
    (tmp_path / "link").symlink_to(other)
    assert [str(path) for path in find_videos(tmp_path)] == ["link/d.mp4", "s/a.mp4", "s/deep/b.MKV"]
    assert find_videos(tmp_path / "nowhere") == []
