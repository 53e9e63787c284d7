"""Atomic files: whole or not there."""

from __future__ import annotations

import stat

import pytest

from talkingface.utils.errors import UserError
from talkingface.utils.files import atomic_path, read_json, write_json


def _names(folder):
    return [path.name for path in folder.iterdir()]


def test_new_file_appears_only_at_the_end(tmp_path):
    target = tmp_path / "made" / "on the way" / "a.txt"
    with atomic_path(target) as temporary:
        temporary.write_text("whole")
        assert temporary.parent == target.parent
        assert temporary.suffix == ".txt"
        assert not target.exists()
    assert target.read_text() == "whole"
    assert _names(target.parent) == ["a.txt"]


def test_failure_keeps_the_old_file_and_leaves_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(KeyError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert target.read_text() == "old"
    assert _names(tmp_path) == ["a.txt"]


def test_name_of_full_length_and_odd_characters(tmp_path):
    for name in ("x" * 251 + ".txt", "-名前 %03d\n'\".txt", "." + "y" * 200):
        with atomic_path(tmp_path / name) as temporary:
            temporary.write_text("whole")
        assert (tmp_path / name).read_text() == "whole"


def test_written_file_has_the_users_permissions(tmp_path):
    plain, atomic = tmp_path / "plain", tmp_path / "atomic.json"
    plain.write_text("")
    write_json(atomic, {})
    assert stat.S_IMODE(plain.stat().st_mode) == stat.S_IMODE(atomic.stat().st_mode)


def test_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="is a folder"), atomic_path(tmp_path):
        pass


def test_json_round_trip_and_its_errors(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"name": "名前", "values": [1, 2.5, None]})
    assert read_json(path) == {"name": "名前", "values": [1, 2.5, None]}
    with pytest.raises(ValueError):
        write_json(path, float("nan"))
    assert read_json(path)["name"] == "名前"
    path.write_text("{")
    with pytest.raises(UserError, match=r"a\.json.*line 1"):
        read_json(path)
    with pytest.raises(UserError, match="No such file"):
        read_json(tmp_path / "b.json")
