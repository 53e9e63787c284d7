"""Samples: content against the files they came from, and the same answer in every process."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch.utils.data import DataLoader

from talkingface.batch import to_network
from talkingface.data.dataset.hyperlipsbase_dataset import HyperLipsBaseDataset
from talkingface.data.dataset.store import open_clips
from talkingface.data.dataset.syncnet_dataset import SyncNetDataset
from talkingface.model.audio_driven_talkingface.litelips_config import LiteLipsConfig
from talkingface.model.audio_driven_talkingface.syncnet_config import SyncNetConfig
from talkingface.utils.errors import UserError
from talkingface.utils.media.mel import melspectrogram

LEVELS = {"a": 0, "b": 40, "c": 80}


def numbers(window):
    """Frame numbers of a (3, T, H, W) window, for a clip of known level."""
    return [float(window[:, k].mean()) / 2 for k in range(window.shape[1])]


def mel_of(data, clip):
    samples, _ = soundfile.read(Path(data.preprocessed_root) / "imgs" / "s" / clip / "audio.wav", dtype="float32")
    return melspectrogram(samples)


def find(mels, piece):
    """(clip, first step) of a mel window."""
    for clip, mel in mels.items():
        for start in range(mel.shape[1] - 15):
            if np.array_equal(mel[:, start : start + 16], piece):
                return clip, start
    raise AssertionError("no such window")


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


def test_context_surrounds_the_window_of_a_face(packed, config_for):
    config = config_for(packed)
    wide = dataclasses.replace(config, model=LiteLipsConfig(img_size=32, num_frames=5, mel_context=4))
    for i in range(20):
        near, far = HyperLipsBaseDataset(config, "train")[i], HyperLipsBaseDataset(wide, "train")[i]
        np.testing.assert_array_equal(far["indiv_mels"][..., 4:-4], near["indiv_mels"])
        assert far["indiv_mels"].shape == (5, 1, 80, 24)
        np.testing.assert_array_equal(far["mels"], near["mels"])


def test_generator_sample_is_what_the_files_hold(packed, config_for):
    dataset = HyperLipsBaseDataset(config_for(packed), "train")
    mels = {clip: mel_of(packed, clip) for clip in "ab"}
    for i in range(60):
        sample = dataset[i]
        assert {key: (value.shape, str(value.dtype)) for key, value in sample.items()} == {
            "gt": ((3, 5, 32, 32), "uint8"),
            "reference": ((3, 5, 32, 32), "uint8"),
            "indiv_mels": ((5, 1, 80, 16), "float32"),
            "mels": ((1, 80, 16), "float32"),
        }
        assert all(value.flags.c_contiguous for value in sample.values())
        clip, step = find(mels, sample["mels"][0])
        frames = [n - LEVELS[clip] / 2 for n in numbers(sample["gt"])]
        reference = [n - LEVELS[clip] / 2 for n in numbers(sample["reference"])]
        start = round(frames[0])
        assert step == int(80 * start / 25)
        np.testing.assert_allclose(frames, range(start, start + 5), atol=0.5)
        np.testing.assert_allclose(reference, np.arange(5) + round(reference[0]), atol=0.5)
        assert abs(round(reference[0]) - start) >= 5
        for k in range(5):
            begin = int(80 * (start + k - 1) / 25)
            np.testing.assert_array_equal(sample["indiv_mels"][k, 0], mels[clip][:, begin : begin + 16])
        if clip == "b":
            assert not set(range(20, 25)) & {round(n) for n in frames + reference}


def test_an_epoch_visits_all_of_the_data_evenly(packed, config_for):
    dataset = HyperLipsBaseDataset(config_for(packed), "train")
    draws = [dataset.sampler.draw(i) for i in range(len(dataset))]
    counts = {name: sum(draw.clip.name == name for draw in draws) for name in ("s/a", "s/b")}
    assert len(dataset) == sum(len(starts) for starts in dataset.sampler._starts) // 5
    for clip, starts in zip(dataset.sampler.clips, dataset.sampler._starts, strict=True):
        assert abs(counts[clip.name] - len(starts) / 5) <= 1
    gaps = np.diff(sorted(draw.start for draw in draws if draw.clip.name == "s/a"))
    assert gaps.max() <= 10
    assert [d.start for d in draws] != sorted(d.start for d in draws)


def test_order_depends_on_seed_split_and_number_only(packed, config_for):
    dataset = HyperLipsBaseDataset(config_for(packed), "train")
    n = len(dataset)
    first = [dataset[i] for i in range(2 * n)]
    again = pickle.loads(pickle.dumps(dataset))
    assert all(same(again[i], first[i]) for i in reversed(range(2 * n)))
    assert not all(same(first[i], first[i + n]) for i in range(n))
    other = HyperLipsBaseDataset(config_for(packed, seed=1), "train")
    assert not all(same(other[i], first[i]) for i in range(n))


def test_validation_repeats_itself_for_any_seed(packed, config_for):
    one, two = (HyperLipsBaseDataset(config_for(packed, seed=seed), "val") for seed in (0, 5))
    assert all(same(one[i], two[i + len(one)]) for i in range(len(one)))


def test_workers_give_the_same_samples(packed, config_for):
    for kind in (HyperLipsBaseDataset, SyncNetDataset):
        dataset = kind(config_for(packed), "train")
        batches = [list(DataLoader(dataset, batch_size=4, num_workers=k)) for k in (0, 2)]
        for here, there in zip(*batches, strict=True):
            assert all(torch.equal(here[key], there[key]) for key in here)


def test_a_collated_batch_becomes_network_input(packed, config_for):
    batch = next(iter(DataLoader(HyperLipsBaseDataset(config_for(packed), "train"), batch_size=3)))
    network = to_network(batch, torch.device("cpu"))
    assert network["input_frames"].shape == (3, 6, 5, 32, 32)
    assert network["indiv_mels"].shape == (3, 5, 1, 80, 16)


def test_one_frame_samples_have_a_sync_mel_too(packed, config_for):
    sample = HyperLipsBaseDataset(config_for(packed, num_frames=1), "train")[0]
    assert sample["gt"].shape == (3, 1, 32, 32)
    assert sample["mels"].shape == (1, 80, 16)


def test_expert_pairs_belong_together_in_half_of_the_samples(packed, config_for):
    dataset = SyncNetDataset(config_for(packed), "train")
    mels = {clip: mel_of(packed, clip) for clip in "ab"}
    in_sync = []
    for i in range(300):
        sample = dataset[i]
        assert sample["face_window"].shape == (3, 5, 16, 32)
        in_sync.append(float(sample["in_sync"][0]))
        if i < 60:
            clip, step = find(mels, sample["mels"][0])
            start = round(numbers(sample["face_window"])[0] - LEVELS[clip] / 2)
            assert (step == int(80 * start / 25)) == bool(in_sync[-1])
    assert 0.4 < np.mean(in_sync) < 0.6


def test_other_sounds_of_a_face_are_of_its_clip_and_do_not_overlap_its_own(packed, config_for):
    config = config_for(packed)
    config = dataclasses.replace(config, model=SyncNetConfig(img_size=config.model.img_size, off_sync_sounds=3))
    dataset = SyncNetDataset(config, "train")
    mels = {clip: mel_of(packed, clip) for clip in "ab"}
    found = set()
    for i in range(20):
        sample = dataset[i]
        assert sample["in_sync"] == 1 and sample["off_mels"].shape == (3, 80, 16)
        clip, step = find(mels, sample["mels"][0])
        start = round(numbers(sample["face_window"])[0] - LEVELS[clip] / 2)
        assert step == int(80 * start / 25)
        others = [find(mels, piece) for piece in sample["off_mels"]]
        assert all(other == clip and abs(at - step) >= 16 for other, at in others)
        found.update(others)
    assert len(found) > 30
    assert "off_mels" not in SyncNetDataset(config, "val")[0]


def test_expert_faces_are_the_lower_half_and_mirrored_where_asked(tmp_path, packed, config_for):
    plain = SyncNetDataset(config_for(packed), "train")
    clip = plain.sampler.clips[0]
    gradient = np.arange(clip.num_frames * 32 * 32 * 3, dtype=np.int64) % 251
    frames = gradient.astype(np.uint8).reshape(clip.num_frames, 32, 32, 3)
    path = tmp_path / "frames.npy"
    np.save(path, frames)
    own = dataclasses.replace(clip, frames_path=path)
    mirrored = pickle.loads(pickle.dumps(plain))
    for dataset in (plain, mirrored):
        dataset.sampler.clips = [own] * len(dataset.sampler.clips)
    mirrored.mirror = True
    turned = 0
    for i in range(20):
        draw = plain.sampler.draw(i)
        start = draw.start if draw.random.integers(2) else draw.other
        if start + 5 > clip.num_frames:
            continue
        wanted = frames[start : start + 5, 16:].transpose(3, 0, 1, 2)
        np.testing.assert_array_equal(plain[i]["face_window"], wanted)
        flipped = np.array_equal(mirrored[i]["face_window"], wanted[..., ::-1])
        assert flipped or np.array_equal(mirrored[i]["face_window"], wanted)
        turned += flipped
    assert 3 < turned < 17


def test_an_empty_list_names_list_and_folder(packed, config_for):
    with pytest.raises(UserError) as error:
        HyperLipsBaseDataset(config_for(packed), "test")
    assert "test.txt" in str(error.value)
    assert packed.preprocessed_root in str(error.value)


def test_what_is_missing_is_named(tmp_path, packed, config_for):
    with pytest.raises(UserError, match="pack first"):
        open_clips(packed, "train", 64, "constant")
    lists = dataclasses.replace(packed, filelist_root=str(tmp_path))
    with pytest.raises(UserError, match=r"train\.txt: no such file"):
        open_clips(lists, "train", 32, "constant")


def test_clips_hold_no_file_open(packed):
    clips = open_clips(packed, "train", 32, "constant")
    fds = Path("/proc/self/fd")
    before = len(list(fds.iterdir()))
    for clip in clips:
        assert clip.frames.shape == (clip.num_frames, 32, 32, 3)
        assert clip.mel.shape[0] == 80
    assert len(list(fds.iterdir())) == before
