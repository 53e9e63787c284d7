"""Clips whose sound is moved or that are left out by a sync expert's word; silence and distant references."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from talkingface.config.schema import DatasetConfig, ModelConfig
from talkingface.data.dataprocess.packing import pack
from talkingface.data.dataset.store import open_clips
from talkingface.data.dataset.sync_file import ClipSync, write_sync
from talkingface.data.dataset.syncnet_dataset import SyncNetDataset
from talkingface.data.dataset.window_dataset import GeneratorDataset, quiet_starts
from talkingface.timing import mel_start, window_steps
from talkingface.utils.errors import UserError

FRAME = 640


@dataclass(frozen=True, kw_only=True)
class Recipe(ModelConfig):
    img_size: int = 32
    reference_gap: int = 0
    silence_probability: float = 0.0


def rows(**offsets: tuple[int | None, float | None]) -> list[ClipSync]:
    return [
        ClipSync(name=f"s/{name}", offset=offset, confidence=confidence, made_from="test")
        for name, (offset, confidence) in offsets.items()
    ]


@pytest.mark.parametrize("late", [5, -10])
def test_corrected_samples_are_those_of_the_clip_in_sync(
    tmp_path: Path, make_data, write_clip, write_lists, config_for, late
):
    """The same frames; in one of two datasets the lips come `late` frames after the sound, whole mel steps."""
    datasets = []
    for name, shift in (("true", 0), ("shifted", late)):
        data = make_data(tmp_path / name, sync_expert="expert.pth", correct_offset=True)
        folder = Path(data.preprocessed_root) / "imgs" / "s" / "a"
        write_clip(folder, range(80))
        sound = np.random.default_rng(0).normal(0, 0.1, 100 * FRAME).astype(np.float32)
        begin = (10 + shift) * FRAME
        soundfile.write(folder / "audio.wav", sound[begin : begin + 80 * FRAME], 16000)
        write_lists(data, train=["s/a"])
        pack(data, img_size=32, show_progress=False)
        write_sync(data.packed_root, rows(a=(shift, 0.5)))
        datasets.append(SyncNetDataset(config_for(data), "train"))
    true, shifted = (data.clips[0] for data in datasets)
    assert (true.sound_shift, shifted.sound_shift) == (0, -late)
    frame = 30  # away from the ends, whose windows hear the padding
    one = true.mel[:, mel_start(frame) :][:, :16]
    other = shifted.mel[:, mel_start(frame + shifted.sound_shift) :][:, :16]
    np.testing.assert_allclose(one, other, atol=1e-4)
    for i in range(40):
        draw = datasets[1].sampler.draw(i)
        assert draw.sound >= 1 and mel_start(draw.sound) + 16 <= shifted.mel_steps
        assert datasets[1][i]["mels"].shape == (1, 80, 16)


def test_clips_out_of_sync_are_left_out(packed: DatasetConfig) -> None:
    write_sync(packed.packed_root, rows(a=(1, 0.5), b=(7, 0.4), c=(0, 0.1)))

    def names(**asked: object) -> list[str]:
        config = replace(packed, sync_expert="expert.pth", **asked)  # type: ignore[arg-type]
        return [clip.name for clip in open_clips(config, "train", 32, "constant")]

    assert names() == ["s/a", "s/b"]
    assert names(max_offset=5) == ["s/a"]
    assert names(min_confidence=0.45) == ["s/a"]
    with pytest.raises(UserError, match=r"none of its 2 clips is in sync enough \(first: s/a: confidence 0.500"):
        names(min_confidence=0.9)
    write_sync(packed.packed_root, rows(a=(None, None)))
    with pytest.raises(UserError, match=r"1 clips have not been measured \(first: s/b\)"):
        names(max_offset=5)
    with pytest.raises(ValueError, match="sync_expert: correct_offset, max_offset and min_confidence go by"):
        replace(packed, correct_offset=True)


def test_references_keep_their_distance(packed: DatasetConfig, config_for) -> None:
    config = replace(config_for(packed), model=Recipe(reference_gap=20))
    sampler = GeneratorDataset(config, "train").sampler
    draws = [sampler.draw(i) for i in range(100)]
    far = [abs(draw.start - draw.other) >= 25 for draw in draws if draw.clip.name == "s/a"]
    assert far and all(far)


def test_silence_shows_quiet_frames_and_hears_nothing(tmp_path: Path, make_data, write_clip, write_lists, config_for):
    data = make_data(tmp_path)
    folder = Path(data.preprocessed_root) / "imgs" / "s" / "a"
    write_clip(folder, range(100))
    sound = np.random.default_rng(0).normal(0, 0.1, 100 * FRAME).astype(np.float32)
    sound[40 * FRAME : 60 * FRAME] *= 1e-3
    soundfile.write(folder / "audio.wav", sound, 16000)
    write_lists(data, train=["s/a"], val=["s/a"][:0])
    pack(data, img_size=32, show_progress=False)
    config = replace(config_for(data), model=Recipe(silence_probability=0.5))
    dataset = GeneratorDataset(config, "train")
    silent = [sample for sample in (dataset[i] for i in range(100)) if (sample["indiv_mels"] == -4).all()]
    assert 30 < len(silent) < 70 and all((sample["mels"] == -4).all() for sample in silent)
    first = [int(sample["gt"][0, 0].mean()) // 2 for sample in silent]  # frame k is grey of level 2k
    assert min(first) >= 40 and max(first) <= 55
    plain = GeneratorDataset(config_for(data), "train")
    assert not any((plain[i]["mels"] == -4).all() for i in range(50))


def test_a_clip_without_pauses_has_no_quiet_windows() -> None:
    mel = np.random.default_rng(0).normal(0, 0.1, (80, 320)).astype(np.float32)
    assert len(quiet_starts(mel, np.arange(1, 90), 5)) == 0


@pytest.mark.parametrize(("frames", "steps"), [(1, 16), (5, 16), (6, 20), (16, 52)])
def test_windows_of_other_lengths(frames: int, steps: int) -> None:
    assert window_steps(frames) == steps


def test_sixteen_frames_hear_fifty_two_steps(packed: DatasetConfig, config_for) -> None:
    dataset = SyncNetDataset(config_for(packed, num_frames=16), "train")
    sample = dataset[0]
    assert sample["mels"].shape == (1, 80, 52) and sample["face_window"].shape == (3, 16, 16, 32)
