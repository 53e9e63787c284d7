"""Preparation from videos to clips: what it makes, what it leaves out, that it changes nothing and redoes nothing."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from face_videos import face_frames, plain_frames, speech, write_video

from talkingface.data.dataprocess import pack, prepare
from talkingface.data.dataset.filelist import read_lists
from talkingface.utils.errors import UserError
from talkingface.utils.files import TEMP_PREFIX


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def times(folder: Path) -> dict[str, int]:
    """When each file was written; what a killed process had not yet given its name does not count."""
    named = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(TEMP_PREFIX))
    return {str(path): path.stat().st_mtime_ns for path in named}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, make_data):
    """Good and bad videos, prepared once in worker processes with the real detector."""
    data = make_data(tmp_path_factory.mktemp("prepare"))
    root = Path(data.data_root)
    write_video(root / "anna" / "talk.one.mp4", face_frames(40), speech(1.6))
    shutil.copy(root / "anna" / "talk.one.mp4", root / "anna" / "talk.two.mp4")
    shutil.copy(root / "anna" / "talk.one.mp4", root / "anna" / "talk.one.mov")
    write_video(root / "bert" / "gaps.mp4", face_frames(45, hidden=(*range(8, 11), *range(25, 35))), speech(1.8))
    (root / "bert" / "text.mp4").write_text("this is not a video")
    (root / "bert" / "empty.mp4").touch()
    write_video(root / "bert" / "mute.mp4", face_frames(20), None)
    write_video(root / "bert" / "silent.mp4", face_frames(20), np.zeros(12800, np.float32))
    write_video(root / "bert" / "noface.mp4", plain_frames(20), speech(0.8))
    write_video(root / "bert" / "short.mp4", face_frames(8), speech(0.32))
    write_video(root / "bert" / "cut_sound.mp4", face_frames(20), speech(0.2))
    (root / "bert" / "broken_link.mp4").symlink_to(root / "nowhere.mp4")
    before = digests(root)
    return data, prepare(data, show_progress=False), before


def test_good_clips_are_whole(prepared):
    data, summary, _ = prepared
    assert summary.clips == 4
    imgs = Path(data.preprocessed_root) / "imgs"
    for name in ("anna/talk.one_mp4", "anna/talk.one_mov", "anna/talk.two"):
        folder = imgs / name
        assert sorted(int(path.stem) for path in folder.glob("*.jpg")) == list(range(40))
        samples, rate = soundfile.read(folder / "audio.wav")
        assert (len(samples), rate) == (25600, 16000)
        boxes = np.load(folder / "boxes.npy")
        assert boxes.shape == (40, 4)
        x1, y1, x2, y2 = boxes[0]
        assert cv2.imread(str(folder / "0.jpg")).shape[:2] == pytest.approx((y2 - y1, x2 - x1), abs=1.5)
        assert 70 < x2 - x1 < 160


def test_short_gaps_are_bridged_and_long_ones_keep_their_time(prepared):
    data, _, _ = prepared
    folder = Path(data.preprocessed_root) / "imgs" / "bert" / "gaps"
    numbers = {int(path.stem) for path in folder.glob("*.jpg")}
    assert numbers == set(range(45)) - set(range(25, 35))
    assert np.flatnonzero(np.isnan(np.load(folder / "boxes.npy")[:, 0])).tolist() == list(range(25, 35))


def test_bad_videos_are_left_out_with_a_plain_reason(prepared):
    data, summary, _ = prepared
    wanted = {
        "text": "not a readable media file",
        "empty": "empty",
        "mute": "no sound",
        "silent": "silent throughout",
        "noface": "no face found",
        "short": "too few frames: 8 with a face, wanted min_frames = 16",
        "cut_sound": "sound shorter than 0.64 s",
        "broken_link": "a link to a file that is not there",
    }
    assert summary.left_out.keys() == {f"bert/{name}" for name in wanted}
    report = (Path(data.preprocessed_root) / "report.md").read_text()
    for name, reason in wanted.items():
        assert reason in summary.left_out[f"bert/{name}"]
        assert f"| bert/{name} | bert/{name}.mp4 |" in report
    rows = [json.loads(row) for row in (Path(data.preprocessed_root) / "manifest.jsonl").read_text().splitlines()]
    assert len(rows) == 12
    gaps = next(row for row in rows if row["name"] == "bert/gaps")
    assert (gaps["status"], gaps["frames"], gaps["seconds"], gaps["source"]) == ("ok", 35, 1.8, "bert/gaps.mp4")
    assert gaps["faces_found"] == pytest.approx(32 / 45, abs=1e-4)
    sizes = {len(names) for names in read_lists(data.filelist_root).values()}
    assert sizes == {0, 1, 3}, "three of the four that can be used are the same video, and stay together"


def test_the_users_files_are_as_before(prepared):
    data, _, before = prepared
    assert digests(Path(data.data_root)) == before


def test_what_stands_is_not_made_again(prepared):
    data, _, _ = prepared
    imgs, status = (Path(data.preprocessed_root) / name for name in ("imgs", "status"))
    before = times(imgs) | times(status)
    again = prepare(data, show_progress=False)
    assert again.made == 0
    assert again.clips == 4
    assert times(imgs) | times(status) == before


def test_prepared_clips_pack_and_load(prepared, config_for):
    from talkingface.data.dataset.hyperlipsbase_dataset import HyperLipsBaseDataset

    data, _, _ = prepared
    assert pack(data, img_size=64, show_progress=False).clips == 4
    sample = HyperLipsBaseDataset(config_for(data, img_size=64), "train")[0]
    assert sample["gt"].shape == (3, 5, 64, 64)


def names_of(data):
    imgs = Path(data.preprocessed_root) / "imgs"
    return sorted(path.relative_to(imgs).as_posix() for path in imgs.glob("*/*"))


def test_changed_settings_or_sources_replace_former_clips(tmp_path, make_data, here):
    data = make_data(tmp_path)
    root = Path(data.data_root)
    for name in ("a", "b"):
        write_video(root / "s" / f"{name}.mp4", plain_frames(50), speech(2))
    pieces = dataclasses.replace(data, clip_seconds=0.8)
    assert prepare(pieces, show_progress=False).clips == 4
    assert names_of(data) == ["s/a_000", "s/a_001", "s/b_000", "s/b_001"]  # 10 frames are left over
    second = Path(data.preprocessed_root) / "imgs" / "s" / "a_001"
    assert len(list(second.glob("*.jpg"))) == 20
    assert len(soundfile.read(second / "audio.wav")[0]) == 12800
    assert prepare(data, show_progress=False).made == 2
    assert names_of(data) == ["s/a", "s/b"]
    write_video(root / "s" / "a.mp4", plain_frames(10), speech(0.4))
    summary = prepare(data, show_progress=False)
    assert (summary.made, summary.clips, list(summary.left_out)) == (1, 1, ["s/a"])
    assert names_of(data) == ["s/b"]


def test_small_faces_are_left_out(tmp_path, make_data, here):
    data = make_data(tmp_path, min_face=101)
    write_video(Path(data.data_root) / "s" / "a.mp4", plain_frames(20), speech(0.8))
    with pytest.raises(UserError, match=r"s/a: face too small: 100 px, wanted min_face = 101"):
        prepare(data, show_progress=False)


def test_half_made_folders_are_made_again_and_others_folders_are_kept(tmp_path, make_data, write_clip, here):
    data = make_data(tmp_path)
    for name in ("ours", "theirs"):
        write_video(Path(data.data_root) / "s" / f"{name}.mp4", plain_frames(20), speech(0.8))
    imgs = Path(data.preprocessed_root) / "imgs" / "s"
    write_clip(imgs / "theirs", range(30))
    (Path(data.preprocessed_root) / ".partial" / "x" / "ours").mkdir(parents=True)
    before = digests(imgs)
    summary = prepare(data, show_progress=False)
    assert (summary.clips, summary.made) == (2, 1)
    assert digests(imgs).items() >= before.items()
    assert not (Path(data.preprocessed_root) / ".partial").exists()
    (imgs / "ours" / "done.json").unlink()  # what a copy that was broken off may look like
    shutil.rmtree(imgs / "ours")
    assert prepare(data, show_progress=False).made == 1


def test_without_videos_prepared_clips_are_used_and_left_alone(tmp_path, make_data, write_clip):
    data = make_data(tmp_path)
    for name in "abc":
        write_clip(Path(data.preprocessed_root) / "s" / name, range(20))
    before = times(Path(data.preprocessed_root))
    summary = prepare(data, show_progress=False)
    assert (summary.clips, summary.made) == (3, 0)
    assert "used as they stand" in summary.message
    assert times(Path(data.preprocessed_root)) == before
    assert sorted(map(len, read_lists(data.filelist_root).values())) == [1, 1, 1]


def test_folders_with_spaces_in_their_names_are_listed_packed_and_read(tmp_path, make_data, write_clip, monkeypatch):
    from talkingface.data.dataprocess import packing
    from talkingface.data.dataset.store import open_clips

    monkeypatch.setattr(packing, "cores", lambda _: 0)
    data = make_data(tmp_path)
    names = ["John Smith/clip 1", "John Smith/clip 2", "s/clip 3"]
    for name in names:
        write_clip(Path(data.preprocessed_root) / "imgs" / name, range(20))
    prepare(data, show_progress=False)
    assert sorted(name for listed in read_lists(data.filelist_root).values() for name in listed) == names
    assert pack(data, img_size=32, show_progress=False).clips == 3
    found = [clip for split in ("train", "val", "test") for clip in open_clips(data, split, 32, "constant")]
    assert sorted(clip.name for clip in found) == names and all(clip.frames.shape[0] == 20 for clip in found)


def test_without_anything_it_says_what_to_put_where(tmp_path, make_data):
    data = make_data(tmp_path)
    with pytest.raises(UserError, match="no such folder") as error:
        prepare(data, show_progress=False)
    assert data.data_root in str(error.value)
    assert "<speaker>/<clip>.mp4" in str(error.value)
    Path(data.data_root).mkdir()
    with pytest.raises(UserError, match="holds no videos"):
        prepare(data, show_progress=False)


def test_two_preparations_of_one_folder_are_refused(tmp_path, make_data, here):
    from talkingface.utils.files import only_one

    data = make_data(tmp_path)
    write_video(Path(data.data_root) / "s" / "a.mp4", plain_frames(20), speech(0.8))
    with only_one(Path(data.preprocessed_root)), pytest.raises(UserError, match="another process"):
        prepare(data, show_progress=False)


PROGRAM = """
import json, sys
from talkingface.config.schema import DatasetConfig
from talkingface.data.dataprocess import prepare
if __name__ == "__main__":
    prepare(DatasetConfig(**json.loads(sys.argv[1])), show_progress=False)
"""


def test_goes_on_after_being_killed(tmp_path, make_data):
    data = make_data(tmp_path)
    for k in range(4):
        write_video(Path(data.data_root) / "s" / f"{k}.mp4", face_frames(30 + k), speech(1.6))
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    command = [sys.executable, str(script), json.dumps(dataclasses.asdict(data))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, env=environment)
    status = Path(data.preprocessed_root) / "status" / "s"
    deadline = time.monotonic() + 120
    while not times(status) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(0.3)  # its workers end by themselves
    done = times(status)
    finished = {str(path): path.stat().st_mtime_ns for path in (Path(data.preprocessed_root) / "imgs").rglob("*.jpg")}
    assert 1 <= len(done) < 4
    subprocess.run(command, env=environment, check=True, timeout=120)
    assert len(times(status)) == 4
    assert times(status).items() >= done.items()
    for number in (Path(path).stem for path in done):
        files = {path: at for path, at in finished.items() if Path(path).parent.name == number}
        assert times(Path(data.preprocessed_root) / "imgs" / "s" / number).items() >= files.items()
    assert names_of(data) == ["s/0", "s/1", "s/2", "s/3"]


CLIPS = Path(__file__).parents[4] / "shared" / "clips"


@pytest.mark.slow
@pytest.mark.skipif(not list(CLIPS.glob("*.mp4")), reason="no real clips beside the repository")
def test_real_clips_are_prepared_whole(tmp_path, make_data):
    data = make_data(tmp_path, data_root=str(CLIPS), prepare_workers=0)
    before = digests(CLIPS)
    summary = prepare(data, show_progress=False)
    assert summary.clips == len(list(CLIPS.glob("*.mp4")))
    rows = [json.loads(row) for row in (Path(data.preprocessed_root) / "manifest.jsonl").read_text().splitlines()]
    assert all(row["faces_found"] > 0.99 for row in rows)
    assert digests(CLIPS) == before


UNGUARDED = """
import json, sys
from talkingface.config.schema import DatasetConfig
from talkingface.data.dataprocess import prepare
print("started", flush=True)
prepare(DatasetConfig(**json.loads(sys.argv[1])), show_progress=False)
"""


def test_a_script_without_a_main_guard_is_told_before_anything_is_written(tmp_path, make_data):
    data = make_data(tmp_path)
    write_video(Path(data.data_root) / "s" / "a.mp4", face_frames(30), speech(1.6))
    before = digests(tmp_path)
    script = tmp_path.parent / f"{tmp_path.name}.py"
    script.write_text(UNGUARDED)
    command = [sys.executable, str(script), json.dumps(dataclasses.asdict(data))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0 and done.stdout == "started\n"
    assert done.stderr.count("the script calls talkingface at its top level") == 1
    assert digests(tmp_path) == before
    script.write_text(PROGRAM)
    subprocess.run(command, env=environment, check=True, timeout=120)
    assert names_of(data) == ["s/a"]
