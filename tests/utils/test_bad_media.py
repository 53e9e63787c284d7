"""Files that are no media, or damaged, or oddly named: one clear error or what decodes, and never a hang."""

from __future__ import annotations

import os

import numpy as np
import pytest
from media_files import number_of, numbered, speech_like, write_video

from talkingface.utils.errors import MediaError
from talkingface.utils.media.audio import read_audio
from talkingface.utils.media.video import VideoWriter, probe, read_frames


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("media") / "whole.mp4"
    with VideoWriter(path, fps=25, audio=speech_like(1.6, 16000)) as writer:
        for k in range(40):
            writer.write(numbered(k))
    return path.read_bytes()


def _text(path):
    path.write_text("hello, I am text")


def _link(path):
    path.symlink_to("nowhere.mp4")


def _header(path):
    path.write_bytes(b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + b"\0\0\0\x10moov\0\0\0\x08mvhd")


def _random(path):
    path.write_bytes(np.random.default_rng(0).bytes(20000))


def _playlist(path):
    path.write_text("ffconcat version 1.0\nfile whole.mp4\n")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.touch(), "empty"),
        (_text, "not a readable media file"),
        (_random, "not a readable media file"),
        (_header, "not a readable media file"),
        (lambda path: path.mkdir(), "is a folder"),
        (os.mkfifo, "pipe"),
        (_link, "link"),
        (_playlist, "not a readable media file"),
    ],
    ids=["missing", "empty", "text", "random", "header", "folder", "fifo", "dangling", "playlist"],
)
def test_what_is_no_video_is_one_error(tmp_path, whole, make, says):
    (tmp_path / "whole.mp4").write_bytes(whole)
    path = tmp_path / "clip one.mp4"
    make(path)
    for read in (probe, lambda p: next(read_frames(p)), read_audio):
        with pytest.raises(MediaError, match=says) as caught:
            read(path)
        assert "clip one.mp4" in str(caught.value)


def test_nothing_is_printed(tmp_path, whole, capfd):
    path = tmp_path / "a.mp4"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    list(read_frames(path))
    _text(path)
    with pytest.raises(MediaError):
        probe(path)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_broken_off_file_gives_what_decodes(tmp_path, whole):
    path = tmp_path / "a.mp4"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    numbers = [number_of(frame) for frame in read_frames(path, 25)]
    assert 5 < len(numbers) < 40
    assert numbers == sorted(numbers)
    assert numbers[:-5] == list(range(len(numbers) - 5))  # frames before the break may lack those they are drawn from
    assert len(read_audio(path)) > 1000


def test_damaged_bytes_do_not_end_the_reading(tmp_path, whole):
    data = bytearray(whole)
    rng = np.random.default_rng(0)
    for at in rng.integers(data.index(b"mdat") + 1500, len(data), 60):
        data[at] ^= 255
    path = tmp_path / "a.mp4"
    path.write_bytes(bytes(data))
    assert 1 <= len(list(read_frames(path, 25))) <= 40


def test_video_without_sound_says_so(tmp_path):
    path = write_video(tmp_path / "silent.mp4", [numbered(0)] * 3)
    with pytest.raises(MediaError, match=r"silent\.mp4.*no audio track"):
        read_audio(path)


NAMES = [
    "-y.mp4",
    "f%03d.mp4",
    "q'u\"o$(x);.mp4",
    "名前 é.mp4",
    "new\nline.mp4",
    "http:c.mp4",
    "concat:a|b.mp4",
    "bare",
]


@pytest.mark.parametrize("name", [*NAMES, os.fsdecode(b"not utf8 \xff.mp4")])
def test_any_file_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with VideoWriter(name, fps=25, audio=speech_like(0.2, 16000)) as writer:
        for k in range(5):
            writer.write(numbered(k))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert probe(name).frames == 5
    assert [number_of(frame) for frame in read_frames(name)] == list(range(5))
    assert len(read_audio(name)) == 3200
