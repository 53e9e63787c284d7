"""Split lists as people write them."""

from __future__ import annotations

import pytest

from talkingface.data.dataset.filelist import check_disjoint, read_list, write_list
from talkingface.utils.errors import UserError


def test_either_slash_further_fields_blank_lines_and_repeats(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("\ufeffs1/a\r\ns1\\b 3.5 x\n\n  s2/c.d\t1\ns1/a\n", encoding="utf-8")
    assert read_list(path) == ["s1/a", "s1/b", "s2/c.d"]


@pytest.mark.parametrize("line", ["just_a_name", "a/b/c", "../a", "a/.."])
def test_a_line_that_names_no_clip_is_refused_with_its_place(tmp_path, line):
    path = tmp_path / "val.txt"
    path.write_text(f"s/a\n{line}\n")
    with pytest.raises(UserError, match=r"val\.txt:2"):
        read_list(path)


def test_a_list_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "val.txt"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(UserError, match="not a text file"):
        read_list(path)


def test_a_clip_in_two_lists_is_refused_by_name():
    check_disjoint({"train": ["s/a", "s/b"], "val": ["s/c"]}, "lists")
    with pytest.raises(UserError, match=r"s/b, in train\.txt and test\.txt"):
        check_disjoint({"train": ["s/a", "s/b"], "val": ["s/c"], "test": ["s/b"]}, "lists")


def test_names_of_other_peoples_folders_come_back_as_they_were_written(tmp_path):
    names = ["s/a", "John Smith/clip 1", "s/clip 1", "s/ a", "s/a ", 's/"a"', '"s/a', "s/a\tb", "s/a\\b", "s/a\u2028b",
             "小明/第 1 段", "s/\udcff", "-s/%d", "s /a"]  # fmt: skip
    write_list(tmp_path / "train.txt", names)
    assert read_list(tmp_path / "train.txt") == names
    assert (tmp_path / "train.txt").read_text(encoding="utf-8").splitlines()[:2] == ["s/a", '"John Smith/clip 1"']
    assert '"小明/第 1 段"' in (tmp_path / "train.txt").read_text(encoding="utf-8")


def test_public_lists_with_further_fields_are_read_as_before(tmp_path):
    path = tmp_path / "test.txt"
    path.write_text("6330311066473698535/00011 NF\n6331559613336179781/00021 MV extra\n")
    assert read_list(path) == ["6330311066473698535/00011", "6331559613336179781/00021"]


def test_a_name_with_spaces_that_somebody_wrote_without_quotes(tmp_path):
    path = tmp_path / "test.txt"
    path.write_text('John Smith/clip 1\n"s/clip 2" 3.5\n')
    assert read_list(path) == ["John Smith/clip 1", "s/clip 2"]


@pytest.mark.parametrize("line", ['"s/a', '"a b"', '"../a b"', "no slash here"])
def test_odd_quotes_are_refused_with_their_place(tmp_path, line):
    path = tmp_path / "val.txt"
    path.write_text(f"s/a\n{line}\n")
    with pytest.raises(UserError, match=r"val\.txt:2"):
        read_list(path)
