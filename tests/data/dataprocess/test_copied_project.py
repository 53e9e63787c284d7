"""A copied or moved project goes on where it was; what was changed in place is made again."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from face_videos import plain_frames, speech, write_video

from talkingface.data.dataprocess import pack, prepare
from talkingface.data.dataprocess.packing import is_packed
from talkingface.data.dataprocess.records import prepare_tasks, prepared_rows
from talkingface.data.dataprocess.steps import folder_state
from talkingface.data.dataprocess.steps.folder_state import FolderState
from talkingface.data.dataprocess.steps.folders import dataset_videos
from talkingface.utils.media import mel

NOW = 2_000_000_000
"""A time in whole seconds, later than anything the tests write."""


@pytest.fixture
def project(tmp_path, make_data, here, monkeypatch):
    """Two videos and a clip made elsewhere, prepared and packed; gives the configuration in any folder."""
    from talkingface.data.dataprocess import packing

    monkeypatch.setattr(packing, "cores", lambda _: 0)
    (tmp_path / "home").mkdir()
    data = make_data(tmp_path / "home")
    for number, name in enumerate(("a", "b")):
        write_video(Path(data.data_root) / "s" / f"{name}.mp4", plain_frames(50 + number), speech(2))
    write_clip(Path(data.preprocessed_root) / "imgs" / "t" / "c")
    prepare(data, show_progress=False)
    pack(data, img_size=32, show_progress=False)
    return lambda place: make_data(tmp_path / place)


def write_clip(folder: Path) -> None:
    folder.mkdir(parents=True)
    for k in range(25):
        cv2.imwrite(str(folder / f"{k}.jpg"), np.full((40, 32, 3), 2 * k, np.uint8))
    soundfile.write(folder / "audio.wav", speech(1), 16000)


def copy(project, how):
    """Copy the project; gives the copy's configuration."""
    here, there = (Path(project(place).data_root).parent for place in ("home", "copy"))
    shutil.copytree(here, there, copy_function=shutil.copy2)
    for path in there.rglob("*"):
        written = path.stat().st_mtime
        os.utime(path, (NOW, NOW) if how == "now" else (int(written), int(written)))
    return project("copy")


def unprepared(data):
    return [task.name for task in prepare_tasks(data, dataset_videos(data)) if prepared_rows(task) is None]


def spoil_first_versions_notes(data):
    """Turn the records into those of the first versions, whose times are then of other files than these."""
    for path in Path(data.preprocessed_root).rglob("*.json"):
        facts = json.loads(path.read_text())
        facts.pop("content", None)
        path.write_text(json.dumps({**facts, "mtime_ns": facts.get("mtime_ns", 1)}))
    for path in Path(data.packed_root).rglob("*.json"):
        facts = json.loads(path.read_text())
        version, count, _ = facts["source"].split("-")
        facts.pop("times"), facts.pop("mel", None)
        path.write_text(json.dumps({**facts, "source": f"{version}-{count}-01234567"}))


@pytest.mark.parametrize("how", ["now", "whole seconds"])
def test_nothing_is_done_again_in_a_copy(project, how):
    data = copy(project, how)
    assert unprepared(data) == [] and is_packed(data, img_size=32)
    assert prepare(data, show_progress=False).made == 0
    assert pack(data, img_size=32, show_progress=False).made == 0


def test_contents_of_a_copy_are_read_once(project, monkeypatch):
    data = copy(project, "now")
    prepare(data, show_progress=False)
    pack(data, img_size=32, show_progress=False)

    def refuse(*_):
        raise AssertionError("contents were read")

    monkeypatch.setattr("talkingface.data.dataprocess.records.file_mark", refuse)
    monkeypatch.setattr(folder_state, "file_mark", refuse)
    assert unprepared(data) == [] and is_packed(data, img_size=32)


def test_nothing_in_the_folders_names_their_place(project):
    place = Path(project("home").data_root).parent
    texts = [path for path in place.rglob("*") if path.is_file() and path.suffix in (".json", ".jsonl", ".md", ".txt")]
    assert len(texts) > 10
    assert not [path for path in texts if str(place) in path.read_text()]


def test_a_video_changed_in_place_is_prepared_again(project):
    data = copy(project, "now")
    video = Path(data.data_root) / "s" / "a.mp4"
    contents = bytearray(video.read_bytes())
    contents[len(contents) // 2] ^= 0xFF
    video.write_bytes(contents)
    assert unprepared(data) == ["s/a"]
    assert prepare(data, show_progress=False).made == 1


@pytest.mark.parametrize("name", ["0.jpg", "7.jpg", "audio.wav"])
def test_a_clip_changed_in_place_is_packed_again(project, name):
    data = project("home")
    path = Path(data.preprocessed_root) / "imgs" / "t" / "c" / name
    size = path.stat().st_size
    if name == "audio.wav":
        soundfile.write(path, -speech(1), 16000)
    else:
        cv2.imwrite(str(path), np.full((40, 32, 3), 3, np.uint8))
    assert path.stat().st_size == size
    assert not is_packed(data, img_size=32)
    assert pack(data, img_size=32, show_progress=False).made == 1


def test_records_of_the_first_versions_count_where_they_were_written(project):
    data = project("home")
    spoil_first_versions_notes(data)
    for path in Path(data.packed_root).rglob("*.json"):
        folder = Path(data.preprocessed_root) / "imgs" / path.parent.name / path.stem
        facts = json.loads(path.read_text())
        path.write_text(json.dumps({**facts, "source": f"1-{FolderState.of(folder).dated}"}))
    assert unprepared(data) == [] and is_packed(data, img_size=32)
    assert pack(data, img_size=32, show_progress=False).made == 0


def test_a_copy_with_records_of_the_first_versions_prepares_nothing_again(project):
    spoil_first_versions_notes(project("home"))
    data = copy(project, "now")
    assert unprepared(data) == []
    assert prepare(data, show_progress=False).made == 0
    made = pack(data, img_size=32, show_progress=False)
    assert made.made == 1, "only the clip made elsewhere, whose frames may have been replaced"
    assert pack(data, img_size=32, show_progress=False).made == 0


def test_a_clip_prepared_again_is_packed_again_whatever_a_first_version_noted(project):
    data = project("home")
    spoil_first_versions_notes(data)
    wider = dataclasses.replace(data, crop_pads=(0, 20, 0, 0))
    assert prepare(wider, show_progress=False).made == 2
    assert pack(wider, img_size=32, show_progress=False).made == 3


def test_the_place_of_the_detectors_weights_does_not_count(project, make_data):
    data = dataclasses.replace(project("home"), face_detector_weights="/one/s3fd.pth")
    prepare(data, show_progress=False)
    assert unprepared(dataclasses.replace(data, face_detector_weights="other/s3fd.pth")) == []
    assert len(unprepared(dataclasses.replace(data, face_detector_weights="other/another.pth"))) == 2


def test_a_mel_of_other_settings_is_made_again(project, monkeypatch):
    data = project("home")
    monkeypatch.setattr(mel, "PREEMPHASIS", 0.9)
    assert not is_packed(data, img_size=32)
    frames = {path: path.stat().st_mtime_ns for path in (Path(data.packed_root) / "32").rglob("*.npy")}
    pack(data, img_size=32, show_progress=False)
    assert is_packed(data, img_size=32)
    assert {path: path.stat().st_mtime_ns for path in frames} == frames, "frames do not depend on the mel"


def test_mels_without_a_mark_have_todays_settings():
    assert mel.mel_mark() == mel.FIRST_MARK
