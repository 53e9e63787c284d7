"""Packing: what an original project's folder holds comes out, nothing is written into it, nothing is done twice."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from talkingface.data.dataprocess.packing import pack
from talkingface.data.dataset.store import open_clips
from talkingface.utils.errors import UserError
from talkingface.utils.files import TEMP_PREFIX
from talkingface.utils.media.mel import melspectrogram


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """Tasks in this process: what workers are for is tested with them."""
    from talkingface.data.dataprocess import packing

    monkeypatch.setattr(packing, "cores", lambda _: 0)


def tree(folder: Path) -> dict[str, tuple[str, int]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in files}


@pytest.mark.parametrize("layout", ["imgs/s", "s"])
def test_an_original_folder_is_read_as_it_stands(tmp_path, make_data, write_clip, write_lists, layout):
    data = make_data(tmp_path)
    root = Path(data.preprocessed_root)
    write_clip(root / layout / "short", range(30))
    write_clip(root / layout / "long", range(30), level=30)
    for k in range(30):  # the other spelling of frame names
        (root / layout / "long" / f"{k}.jpg").rename(root / layout / "long" / f"{k:05d}.jpg")
    write_lists(data, train=["s/short", "s/long"])
    before = tree(root)
    summary = pack(data, img_size=32, show_progress=False)
    assert (summary.clips, summary.frames, summary.made, summary.left_out) == (2, 60, 2, {})
    for clip, level in zip(open_clips(data, "train", 32, "constant"), (0, 30), strict=True):
        assert clip.present.all()
        np.testing.assert_allclose(clip.frames.mean(axis=(1, 2, 3)), 2 * np.arange(30) + level, atol=1)
        samples, _ = soundfile.read(root / layout / clip.name[2:] / "audio.wav", dtype="float32")
        np.testing.assert_array_equal(clip.mel, melspectrogram(samples))
        np.testing.assert_array_equal(np.load(clip.frames_path), clip.frames)
        np.testing.assert_array_equal(np.load(clip.mel_path), clip.mel)
    assert tree(root) == before


def test_only_what_changed_is_made_again(tmp_path, make_data, write_clip):
    data = make_data(tmp_path)
    imgs = Path(data.preprocessed_root) / "imgs" / "s"
    for name in "abc":
        write_clip(imgs / name, range(20))
    assert pack(data, img_size=32, show_progress=False).made == 3
    first = tree(Path(data.packed_root))
    (Path(data.packed_root) / "32" / "s" / f"{TEMP_PREFIX}left.npy").write_text("of a killed run")
    assert pack(data, img_size=32, show_progress=False).made == 0
    kept = {path for path, facts in tree(Path(data.packed_root)).items() if first.get(path) == facts}
    assert len(kept) == len(first) - 1  # all but the index
    assert not list(Path(data.packed_root).rglob(f"{TEMP_PREFIX}*"))
    cv2.imwrite(str(imgs / "b" / "3.jpg"), np.zeros((40, 32, 3), np.uint8))
    (Path(data.packed_root) / "mel_constant" / "s" / "c.npy").unlink()
    assert pack(data, img_size=32, show_progress=False).made == 2
    assert np.load(Path(data.packed_root) / "32" / "s" / "b.npy")[3].max() == 0


def test_bad_clips_are_left_out_by_name_and_reason(tmp_path, make_data, write_clip):
    data = make_data(tmp_path)
    imgs = Path(data.preprocessed_root) / "imgs" / "s"
    for name in ("good", "cut", "few", "mute", "garbled", "blink"):
        write_clip(imgs / name, range(10 if name == "few" else 30))
    jpeg = (imgs / "cut" / "7.jpg").read_bytes()
    (imgs / "cut" / "7.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (imgs / "cut" / "8.jpg").write_bytes(b"")
    (imgs / "cut" / "9.jpg").write_text("no picture")
    (imgs / "mute" / "audio.wav").unlink()
    (imgs / "garbled" / "audio.wav").write_text("no sound")
    soundfile.write(imgs / "blink" / "audio.wav", np.zeros(2000, np.float32), 16000)
    summary = pack(data, img_size=32, show_progress=False)
    assert summary.clips == 2
    assert "10 usable frames" in summary.left_out["s/few"]
    assert summary.left_out["s/mute"] == "no audio.wav"
    assert "cannot be read" in summary.left_out["s/garbled"]
    assert "shorter than one mel window" in summary.left_out["s/blink"]
    (Path(data.filelist_root)).mkdir()
    (Path(data.filelist_root) / "train.txt").write_text("s/cut\ns/few\n")
    (clip,) = open_clips(data, "train", 32, "constant")
    assert np.flatnonzero(~clip.present).tolist() == [7, 8, 9]


def test_sound_of_another_rate_and_two_channels(tmp_path, make_data, write_clip):
    data = make_data(tmp_path)
    folder = Path(data.preprocessed_root) / "s" / "a"
    write_clip(folder, range(30))
    time = np.arange(round(1.2 * 44100)) / 44100
    tone = 0.3 * np.sin(2 * np.pi * 440 * time).astype(np.float32)
    soundfile.write(folder / "audio.wav", np.stack([tone, tone], 1), 44100)
    pack(data, img_size=32, show_progress=False)
    mel = np.load(Path(data.packed_root) / "mel_constant" / "s" / "a.npy")
    at_16k = melspectrogram((0.3 * np.sin(2 * np.pi * 440 * np.arange(19200) / 16000)).astype(np.float32))
    assert mel.shape == at_16k.shape
    loudest = slice(at_16k.mean(1).argmax() - 2, at_16k.mean(1).argmax() + 3)  # far from them is only leakage
    np.testing.assert_allclose(mel[loudest, 4:-4], at_16k[loudest, 4:-4], atol=0.05)


def test_nothing_to_pack_says_what_is_wanted(tmp_path, make_data):
    with pytest.raises(UserError, match="no prepared clips"):
        pack(make_data(tmp_path), img_size=32, show_progress=False)
