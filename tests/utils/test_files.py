"""Atomic files: whole or not there."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path

import pytest

from talkingface.utils.errors import UserError
from talkingface.utils.files import SAMPLE, atomic_path, file_mark, read_json, write_json


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


@pytest.fixture
def like_windows(monkeypatch):
    """Folders cannot be opened, descriptors opened for reading only cannot be synced; both as on Windows."""
    fcntl = pytest.importorskip("fcntl", reason="Windows itself behaves so")
    plain_open, plain_fsync = os.open, os.fsync

    def open_file(path, flags, *rest, **options):
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return plain_open(path, flags, *rest, **options)

    def fsync(descriptor):
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        plain_fsync(descriptor)

    monkeypatch.setattr(os, "open", open_file)
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.delattr(os, "O_DIRECTORY", raising=False)


def test_files_are_written_where_only_writers_may_sync(tmp_path, like_windows):
    write_json(tmp_path / "made" / "a.json", [1])
    assert read_json(tmp_path / "made" / "a.json") == [1]
    assert _names(tmp_path / "made") == ["a.json"]


def test_a_target_that_somebody_is_reading_is_replaced_a_moment_later(tmp_path, monkeypatch):
    refusals = [PermissionError(errno.EACCES, "in use")] * 2
    plain = Path.replace

    def replace(self, target):
        if refusals:
            raise refusals.pop()
        return plain(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    write_json(tmp_path / "a.json", [1])
    assert not refusals and read_json(tmp_path / "a.json") == [1]


def test_a_target_that_stays_in_use_is_an_error_and_leaves_nothing(tmp_path, monkeypatch):
    def replace(self, target):
        raise PermissionError(errno.EACCES, "in use")

    monkeypatch.setattr("talkingface.utils.files.PAUSES", (0.0,))
    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(PermissionError):
        write_json(tmp_path / "a.json", [1])
    assert _names(tmp_path) == []


@pytest.mark.parametrize("size", [0, 1, 3 * SAMPLE, 10 * SAMPLE])
def test_a_copy_has_the_mark_of_its_original(tmp_path, size):
    one = tmp_path / "one.mp4"
    one.write_bytes(os.urandom(size))
    other = tmp_path / "elsewhere" / "two.mp4"
    other.parent.mkdir()
    shutil.copyfile(one, other)
    os.utime(other, (1, 1))
    assert file_mark(one) == file_mark(other) and file_mark(one).startswith(f"{size}-")


@pytest.mark.parametrize("place", [0, 5 * SAMPLE, -1])
def test_a_changed_file_of_the_same_size_has_another_mark(tmp_path, place):
    path = tmp_path / "a.mp4"
    contents = bytearray(10 * SAMPLE)
    path.write_bytes(contents)
    times, before = path.stat(), file_mark(path)
    contents[place] = 1
    path.write_bytes(contents)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert file_mark(path) != before


def test_a_missing_file_has_a_mark_too(tmp_path):
    assert file_mark(tmp_path / "a.mp4") == "absent"
