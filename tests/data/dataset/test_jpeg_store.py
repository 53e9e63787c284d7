"""Clips packed as JPEG: the same samples but for what JPEG loses, found again after a kill, refused where damaged."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from torch.utils.data import default_collate

from talkingface.config.schema import DatasetConfig
from talkingface.data.dataprocess import packing
from talkingface.data.dataprocess.packing import is_packed, pack
from talkingface.data.dataprocess.steps import pack_clip
from talkingface.data.dataset import jpeg
from talkingface.data.dataset.hyperlipsbase_dataset import HyperLipsBaseDataset
from talkingface.data.dataset.store import Clip, open_clips
from talkingface.data.dataset.syncnet_dataset import SyncNetDataset
from talkingface.utils.errors import UserError
from talkingface.utils.files import TEMP_PREFIX

FRAMES, SIDE = 40, 48


def write_faces(folder: Path, photo: np.ndarray, *, without: tuple[int, ...] = ()) -> None:
    """Crops that move over a photograph, and noise for a voice."""
    folder.mkdir(parents=True)
    for k in range(FRAMES):
        if k not in without:
            cv2.imwrite(str(folder / f"{k}.jpg"), photo[2 * k : 2 * k + 120, k : k + 100])
    sound = np.random.default_rng(0).normal(0, 0.1, FRAMES * 640).astype(np.float32)
    soundfile.write(folder / "audio.wav", sound, 16000)


@pytest.fixture(scope="module")
def both(tmp_path_factory, make_data, write_lists) -> tuple[DatasetConfig, DatasetConfig]:
    """One dataset packed raw and as JPEG."""
    from skimage.data import astronaut

    photo = np.ascontiguousarray(astronaut()[..., ::-1])
    data = make_data(tmp_path_factory.mktemp("jpeg"))
    root = Path(data.preprocessed_root) / "imgs" / "s"
    write_faces(root / "a", photo[30:, 140:])
    write_faces(root / "b", photo[200:, 100:], without=(3, 4))
    write_lists(data, train=["s/a", "s/b"], val=["s/b"])
    configs = data, replace(data, pack_format="jpeg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "cores", lambda _: 0)
        for config in configs:
            pack(config, img_size=SIDE, show_progress=False)
    return configs


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """Tasks in this process."""
    monkeypatch.setattr(packing, "cores", lambda _: 0)


def clip_of(data: DatasetConfig, number: int = 0) -> Clip:
    return open_clips(data, "train", SIDE, "constant")[number]


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.square(one.astype(float) - other).mean()))


def test_samples_are_those_of_the_raw_store_but_for_what_jpeg_loses(both, config_for):
    for kind in (HyperLipsBaseDataset, SyncNetDataset):
        raw, packed = (kind(config_for(data, img_size=SIDE), "train") for data in both)
        assert len(raw) == len(packed)
        again = pickle.loads(pickle.dumps(packed))
        for i in range(12):
            one, other, same = raw[i], packed[i], again[i]
            for key in one:
                assert np.array_equal(other[key], same[key]) and one[key].dtype == other[key].dtype
                if one[key].dtype == np.uint8:
                    assert psnr(one[key], other[key]) > 33
                else:
                    assert np.array_equal(one[key], other[key])


def test_frames_one_by_one_in_slices_and_all(both):
    raw, packed = (clip_of(data, 1) for data in both)
    frames = packed.frames
    assert frames.shape == raw.frames.shape and len(frames) == FRAMES
    assert not packed.present[3] and not frames[3].any() and not frames[4].any() and frames[5].any()
    every = np.asarray(frames)
    assert np.array_equal(frames[10:14], every[10:14]) and np.array_equal(frames[-1], every[-1])
    assert frames[38:45].shape[0] == 2
    with pytest.raises(IndexError):
        frames[FRAMES]
    assert packed.frames_path.stat().st_size < raw.frames_path.stat().st_size / 4


def test_another_format_is_packed_beside_the_first_and_nothing_is_prepared_again(both, tmp_path):
    raw, packed = both
    mel = [Path(raw.packed_root) / "mel_constant" / "s" / name for name in ("a.npy", "b.npy")]
    before = [path.stat().st_mtime_ns for path in mel]
    assert pack(packed, img_size=SIDE, show_progress=False).made == 0
    assert is_packed(raw, img_size=SIDE) and is_packed(packed, img_size=SIDE)
    assert not is_packed(replace(packed, packed_root=str(tmp_path)), img_size=SIDE)
    assert [path.stat().st_mtime_ns for path in mel] == before


def test_a_killed_packing_goes_on(both, tmp_path, monkeypatch):
    data = replace(both[1], packed_root=str(tmp_path))
    calls = iter(range(FRAMES + 7))

    def encode(picture):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return jpeg.encode(picture)

    monkeypatch.setattr(pack_clip, "encode", encode)
    with pytest.raises(KeyboardInterrupt):
        pack(data, img_size=SIDE, show_progress=False)
    monkeypatch.undo()
    monkeypatch.setattr(packing, "cores", lambda _: 0)
    done = tmp_path / f"{SIDE}_jpeg/s/a.jpegs"
    time = done.stat().st_mtime_ns
    (done.parent / f"{TEMP_PREFIX}0123456789abcdef.jpegs").write_bytes(b"of a process that was killed outright")
    assert pack(data, img_size=SIDE, show_progress=False).made == 1
    assert done.stat().st_mtime_ns == time and not list(tmp_path.rglob(f"{TEMP_PREFIX}*"))
    assert np.array_equal(clip_of(data, 1).frames[:], clip_of(both[1], 1).frames[:])


@pytest.mark.parametrize("damage", ["a flipped bit", "a flipped bit of the table", "cut off", "emptied"])
def test_damage_names_the_clip_and_is_packed_again_once_deleted(both, tmp_path, config_for, damage):
    data = replace(both[1], packed_root=str(tmp_path))
    pack(data, img_size=SIDE, show_progress=False)
    clip = clip_of(data)
    whole = clip.frames_path.read_bytes()
    place = {"a flipped bit": 5000, "a flipped bit of the table": clip.frames_offset + 12 * 5}.get(damage)
    bad = bytearray(whole if place else whole[:9000] if damage == "cut off" else b"")
    if place:
        bad[place] ^= 4
    clip.frames_path.write_bytes(bad)
    message = r"s/a: .*a\.jpegs is damaged .*; delete it"
    with pytest.raises(UserError, match=message):
        np.asarray(clip.frames)
    dataset = HyperLipsBaseDataset(config_for(data, img_size=SIDE), "train")
    with pytest.raises(UserError, match=message):
        for i in range(5 * len(dataset)):
            dataset[i]
    clip.frames_path.unlink()
    assert not is_packed(data, img_size=SIDE)
    assert pack(data, img_size=SIDE, show_progress=False).made == 1
    assert clip.frames_path.read_bytes() == whole


def test_a_picture_of_another_size_is_damage_too(both, tmp_path, monkeypatch):
    data = replace(both[1], packed_root=str(tmp_path))
    monkeypatch.setattr(pack_clip, "encode", lambda picture: jpeg.encode(picture[:-8]))
    pack(data, img_size=SIDE, show_progress=False)
    with pytest.raises(UserError, match=r"s/a: .*frame 2: .*wanted \(48, 48, 3\)"):
        clip_of(data).frames[2]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks at /proc")
def test_clips_hold_no_file_open(both):
    clips = open_clips(both[1], "train", SIDE, "constant")
    before = len(list(Path("/proc/self/fd").iterdir()))
    kept = [clip.frames[1:3] for clip in clips for _ in range(20)]
    assert len(list(Path("/proc/self/fd").iterdir())) == before and len(kept) == 40


def test_the_decoders_give_the_same_pixels(both, monkeypatch):
    pytest.importorskip("simplejpeg", reason="requirements.txt names it; cv2 stands in where it is not installed yet")
    own = np.asarray(clip_of(both[1]).frames)
    monkeypatch.setattr(jpeg, "simplejpeg", None)
    assert np.array_equal(np.asarray(clip_of(both[1]).frames), own)


def test_a_size_that_has_no_whole_blocks_of_colour(tmp_path):
    side = 24
    picture = cv2.resize(np.random.default_rng(0).integers(60, 200, (6, 6, 3), dtype=np.uint8), (side, side))
    out = np.empty_like(picture)
    jpeg.decode_into(out, jpeg.encode(picture))
    assert psnr(out, picture) > 30


def test_too_little_space_is_told_before_hours_of_work(both, tmp_path, monkeypatch):
    class Usage:
        free = 1000

    monkeypatch.setattr(packing.shutil, "disk_usage", lambda _: Usage)
    raw, packed = (replace(data, packed_root=str(tmp_path)) for data in both)
    with pytest.raises(UserError, match="pack_format to jpeg"):
        pack(raw, img_size=SIDE, show_progress=False)
    with pytest.raises(UserError, match=r"larger disk, or shorten"):
        pack(packed, img_size=SIDE, show_progress=False)


def test_batches_are_collated_as_ever(both, config_for):
    dataset = HyperLipsBaseDataset(config_for(both[1], img_size=SIDE), "val")
    batch = default_collate([dataset[0], dataset[1]])
    assert batch["gt"].shape == (2, 3, 5, SIDE, SIDE)
