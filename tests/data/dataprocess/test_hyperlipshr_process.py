"""The HR decoder's data from prepared clips: what is written and packed, what is left out, what is not done again."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
import torch

from talkingface.batch import GT_IMG, GT_MASK, HYPER_IMG, INDIV_MELS, INPUT_FRAMES, to_network
from talkingface.config.schema import Config, DatasetConfig, RunConfig
from talkingface.data.dataprocess.hyperlipshr_process import HyperLipsHRProcess
from talkingface.data.dataprocess.steps.folder_state import FolderState
from talkingface.data.dataset.hr_store import PICTURES, frame_record, open_hr_clips
from talkingface.data.dataset.hyperlipshr_dataset import HyperLipsHRDataset
from talkingface.data.dataset.sync_file import ClipSync, write_sync
from talkingface.model.audio_driven_talkingface.hyperlipshr_config import HyperLipsHRConfig
from talkingface.utils.errors import UserError

CPU = torch.device("cpu")
FRAMES = 8


class Darker:
    """A Base that gives the reference back, a little darker; keeps what it was shown."""

    def __init__(self) -> None:
        self.calls: list[Mapping[str, torch.Tensor]] = []

    def predict(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        self.calls.append(batch)
        return batch[INPUT_FRAMES][:, 3:] * 0.75


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Two clips of a real face, 150 px; frame 5 of the first shows none, frame 3 of the second is missing."""
    from skimage.data import astronaut

    photo = astronaut()[..., ::-1]
    imgs = tmp_path / "prepared" / "imgs" / "eileen"
    for clip, skip in (("a", None), ("b", 3)):
        (imgs / clip).mkdir(parents=True)
        for k in range(FRAMES):
            face = np.ascontiguousarray(photo[40 + k : 200 + k, 150:290])
            if clip == "a" and k == 5:
                face[:] = 128
            if k != skip:
                cv2.imwrite(str(imgs / clip / f"{k}.jpg"), face, [cv2.IMWRITE_JPEG_QUALITY, 95])
        sound = np.random.default_rng(0).normal(0, 0.1, FRAMES * 640).astype(np.float32)
        soundfile.write(imgs / clip / "audio.wav", sound, 16000)
    data = DatasetConfig(
        data_root=str(tmp_path / "data"),
        filelist_root=str(tmp_path / "lists"),
        preprocessed_root=str(tmp_path / "prepared"),
        packed_root=str(tmp_path / "packed"),
        prepare_workers=1,
    )
    (tmp_path / "lists").mkdir()
    for split, names in (("train", "eileen/a"), ("val", "eileen/b"), ("test", "")):
        (tmp_path / "lists" / f"{split}.txt").write_text(names)
    (tmp_path / "base.pth").write_bytes(b"weights")
    model = HyperLipsHRConfig(img_size=256, base_img_size=64, base_checkpoint=str(tmp_path / "base.pth"))
    run = RunConfig(show_progress=False, precision="fp32")
    return Config(model_name="HyperLipsHR", dataset_name="test", run=run, dataset=data, model=model)


def times(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def test_from_crops_to_samples_and_only_once(config: Config, tmp_path: Path):
    base, process = Darker(), HyperLipsHRProcess(config)
    assert process.look()[0]
    message = process.make({"base": base}, CPU)
    assert "2 clips, 14 frames" in message and "1 frames without a face mesh left out" in message
    shown = torch.cat([batch[INPUT_FRAMES] for batch in base.calls])
    assert shown.shape == (15, 6, 64, 64) and (shown[:, :3, 32:] == 0).all() and (shown[:, 3:, 32:] > 0).any()
    assert all(batch[INDIV_MELS].shape[1:] == (1, 80, 16) for batch in base.calls)
    assert not shown[0, 3:].equal(shown[6, 3:])  # frames next to the reference take another

    root = tmp_path / "prepared/hr_256/HR_Train_Dateset"
    sides = {"GT_IMG": 256, "GT_MASK": 256, "GT_SKETCH": 256, "HYPER_IMG": 128, "HYPER_SKETCH": 128}
    for folder, side in sides.items():
        assert cv2.imread(str(root / folder / "eileen/a/0.jpg")).shape == (side, side, 3)
    assert not (root / "GT_IMG/eileen/a/5.jpg").exists()
    assert "eileen/a: no face mesh in the real face of frames 5" in (tmp_path / "packed/hr_256/report.md").read_text()

    data = HyperLipsHRDataset(config, "train")
    assert len(data) == 7
    sample = data[0]
    assert {key: value.shape for key, value in sample.items()} == {
        "gt_img": (3, 256, 256), "gt_sketch": (1, 256, 256), "gt_mask": (1, 256, 256),
        "hyper_img": (3, 128, 128), "hyper_sketch": (1, 128, 128),
    }  # fmt: skip
    batch = to_network({key: torch.from_numpy(value)[None] for key, value in sample.items()}, CPU)
    assert batch["hyper_sketch"].shape == (1, 3, 128, 128) and set(batch["hyper_sketch"].unique().tolist()) == {0, 1}
    assert 0.02 < batch[GT_MASK].mean() < 0.2
    assert batch[HYPER_IMG].mean() == pytest.approx(0.75 * batch[GT_IMG].mean().item(), abs=0.05)
    assert sorted(data[i]["gt_img"].sum() for i in range(7)) == sorted(data[i]["gt_img"].sum() for i in range(7, 14))

    before = times(tmp_path)
    again = HyperLipsHRProcess(config)
    assert again.look()[0] is False
    again.make({"base": base}, CPU)
    changed = {name for name, time in times(tmp_path).items() if before.get(name) != time}
    assert {Path(name).name for name in changed} <= {"index.jsonl", "report.md"}


@pytest.mark.slow
def test_another_base_draws_anew_and_an_unfinished_clip_goes_on(config: Config, tmp_path: Path):
    HyperLipsHRProcess(config).make({"base": Darker()}, CPU)
    (tmp_path / "prepared/hr_256/pictures/eileen/b.json").unlink()
    base = Darker()
    assert HyperLipsHRProcess(config).look()[0]
    HyperLipsHRProcess(config).make({"base": base}, CPU)
    assert not base.calls and HyperLipsHRProcess(config).look()[0] is False
    (tmp_path / "base.pth").write_bytes(b"other weights")
    assert HyperLipsHRProcess(config).look()[0]
    HyperLipsHRProcess(config).make({"base": base}, CPU)
    assert len(base.calls) == 2 and HyperLipsHRProcess(config).look()[0] is False


@pytest.mark.parametrize("spelling", ["HR_Train_Dateset", "HR_Train_Dataset"])
def test_folders_made_elsewhere_are_used_as_they_stand(config: Config, tmp_path: Path, spelling: str):
    HyperLipsHRProcess(config).make({"base": Darker()}, CPU)
    place = tmp_path / "prepared" / spelling
    shutil.move(tmp_path / "prepared/hr_256/HR_Train_Dateset", place)
    (place / "GT_MASK/eileen/a/2.jpg").write_bytes(b"")
    before = times(place)
    process = HyperLipsHRProcess(config)
    todo, reason = process.look()
    assert todo and spelling in reason
    assert "2 clips, 13 frames" in process.make({}, CPU)
    assert times(place) == before and not HyperLipsHRProcess(config).look()[0]
    assert len(HyperLipsHRDataset(config, "train")) == 6
    smaller = replace(config, model=replace(config.model, img_size=128))
    HyperLipsHRProcess(smaller).make({}, CPU)
    assert HyperLipsHRDataset(smaller, "val")[0]["gt_img"].shape == (3, 128, 128)


def test_a_clip_without_sound_is_left_out_by_name(config: Config, tmp_path: Path):
    (tmp_path / "prepared/imgs/eileen/b/audio.wav").unlink()
    assert "1 clips left out" in HyperLipsHRProcess(config).make({"base": Darker()}, CPU)
    assert "eileen/b: no audio.wav" in (tmp_path / "packed/hr_256/report.md").read_text()
    assert HyperLipsHRProcess(config).look()[0] is False
    with pytest.raises(UserError, match="none of its 1 clips"):
        open_hr_clips(config.dataset, "val", 256)


def test_a_base_that_draws_no_faces_is_told(config: Config, tmp_path: Path):
    class Grey(Darker):
        def predict(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
            return torch.full_like(super().predict(batch), 0.5)

    (tmp_path / "lists" / "train.txt").write_text("eileen/b")
    with pytest.raises(UserError, match="no face mesh in any of the 7 faces that the Base draws; train it longer"):
        HyperLipsHRProcess(config).make({"base": Grey()}, CPU)


def test_training_on_clips_that_the_base_has_not_seen(config: Config, tmp_path: Path):
    held_out = replace(config, model=replace(config.model, train_on="held_out"))
    (tmp_path / "lists" / "train.txt").write_text("")
    with pytest.raises(UserError, match="needs two clips in the validation list, got 1"):
        HyperLipsHRProcess(held_out).make({"base": Darker()}, CPU)
        HyperLipsHRDataset(held_out, "train")
    (tmp_path / "lists" / "val.txt").write_text("eileen/a\neileen/b")
    assert "2 clips, 14 frames" in HyperLipsHRProcess(held_out).make({"base": Darker()}, CPU)
    found = {split: [clip.name for clip in HyperLipsHRDataset(held_out, split).frames_of] for split in ("train", "val")}
    assert found == {"train": ["eileen/a"], "val": ["eileen/b"]}


def test_sound_is_moved_and_clips_left_out_by_what_an_expert_measured(config: Config, tmp_path: Path):
    plain, moved = Darker(), Darker()
    HyperLipsHRProcess(config).make({"base": plain}, CPU)
    picky = replace(
        config, dataset=replace(config.dataset, sync_expert="e.pth", correct_offset=True, min_confidence=0.5)
    )
    process = HyperLipsHRProcess(picky)
    assert process.look()[0]
    with pytest.raises(UserError, match="2 clips have not been measured"):
        process.make({"base": moved}, CPU)
    rows = (("eileen/a", -2, 0.9), ("eileen/b", 0, 0.1))
    found = [ClipSync(name=name, offset=offset, confidence=sure, made_from="") for name, offset, sure in rows]
    write_sync(config.dataset.packed_root, found)
    assert "1 clips, 7 frames" in process.make({"base": moved}, CPU) and not process.look()[0]
    before, after = (torch.cat([batch[INDIV_MELS] for batch in base.calls]) for base in (plain, moved))
    assert len(after) == FRAMES and after[1:3].equal(before[3:5])  # lips two frames early: their sound is two later
    assert [clip.name for clip in open_hr_clips(picky.dataset, "train", 256)] == ["eileen/a"]


def test_errors(config: Config, tmp_path: Path):
    with pytest.raises(UserError, match=r"index\.jsonl: no such file"):
        HyperLipsHRDataset(config, "train")
    wrong = replace(config, model=replace(config.model, hr_root=str(tmp_path)))
    with pytest.raises(UserError, match=r"hr_root.*GT_IMG"):
        HyperLipsHRProcess(wrong)


def test_packed_files_are_npy(config: Config, tmp_path: Path):
    HyperLipsHRProcess(config).make({"base": Darker()}, CPU)
    rows = [json.loads(line) for line in (tmp_path / "packed/hr_256/index.jsonl").read_text().splitlines()]
    stored = np.load(tmp_path / "packed/hr_256/eileen/a.npy")
    assert stored.shape == (7,) and stored.dtype == frame_record(256) and set(stored.dtype.names) == set(PICTURES)
    np.testing.assert_array_equal(open_hr_clips(config.dataset, "train", 256)[0].frame(6), stored[6])
    assert rows[0]["frames"] == 7


def copied(config: Config, tmp_path: Path) -> Config:
    """The project in another folder, every file written just now."""
    for name in ("prepared", "packed", "lists"):
        shutil.copytree(tmp_path / name, tmp_path / "copy" / name)
    for path in (tmp_path / "copy").rglob("*"):
        os.utime(path, (2_000_000_000, 2_000_000_000))
    places = {"preprocessed_root": "prepared", "packed_root": "packed", "filelist_root": "lists"}
    moved = {key: str(tmp_path / "copy" / name) for key, name in places.items()}
    return replace(config, dataset=replace(config.dataset, **moved))


def as_first_versions_noted(config: Config, *, time_of_change: str | None = None) -> None:
    """Turn the records into those of the first versions; `time_of_change` stands for other times than today's."""
    prepared, packed = Path(config.dataset.preprocessed_root), Path(config.dataset.packed_root)
    root = prepared / "hr_256/HR_Train_Dateset"

    def dated(*folders: Path) -> str:
        mark = FolderState.of(*folders).dated
        return mark if time_of_change is None else re.sub(r"-[0-9a-f]{8}", f"-{time_of_change}", mark)

    for clip in ("eileen/a", "eileen/b"):
        base, pictures = (prepared / "hr_256" / step / f"{clip}.json" for step in ("base", "pictures"))
        facts = json.loads(base.read_text())
        first, _, *rest = facts["source"].split(" ")
        source = " ".join([first, dated(prepared / "imgs" / clip), *rest])
        base.write_text(json.dumps({"source": source}))
        facts = json.loads(pictures.read_text())
        pictures.write_text(json.dumps({**facts, "source": f"1 {source} 256 2"}))
        record = packed / "hr_256" / f"{clip}.json"
        facts = json.loads(record.read_text())
        marks = dated(*(root / folder / clip for folder in PICTURES.values()))
        record.write_text(json.dumps({**facts, "source": f"1 {root} {marks}"}))


def test_a_copied_project_makes_nothing_again(config: Config, tmp_path: Path):
    HyperLipsHRProcess(config).make({"base": Darker()}, CPU)
    there, base = copied(config, tmp_path), Darker()
    assert HyperLipsHRProcess(there).look()[0] is False
    before = {name: time for name, time in times(tmp_path / "copy").items() if name.endswith((".jpg", ".npy"))}
    HyperLipsHRProcess(there).make({"base": base}, CPU)
    assert not base.calls and times(tmp_path / "copy").items() >= before.items()
    assert HyperLipsHRProcess(there).look()[0] is False
    (tmp_path / "copy/prepared/imgs/eileen/a/3.jpg").write_bytes(b"")
    assert HyperLipsHRProcess(there).look()[0]


def test_records_of_the_first_versions_count(config: Config, tmp_path: Path):
    HyperLipsHRProcess(config).make({"base": Darker()}, CPU)
    as_first_versions_noted(config)
    assert HyperLipsHRProcess(config).look()[0] is False


def test_a_copy_with_records_of_the_first_versions_draws_nothing_again(config: Config, tmp_path: Path):
    HyperLipsHRProcess(config).make({"base": Darker()}, CPU)
    as_first_versions_noted(config, time_of_change="01234567")
    for clip in ("a", "b"):  # clips that a first version of the toolkit prepared
        (tmp_path / f"prepared/imgs/eileen/{clip}/done.json").write_text('{"source": "a.mp4"}')
    base = Darker()
    pictures = times(tmp_path / "prepared")
    HyperLipsHRProcess(config).make({"base": base}, CPU)
    assert not base.calls and times(tmp_path / "prepared") == pictures
    assert HyperLipsHRProcess(config).look()[0] is False
    (tmp_path / "prepared/imgs/eileen/b/done.json").write_text('{"source": "a.mp4", "content": "1-00"}')
    assert HyperLipsHRProcess(config).look()[0], "prepared anew since"
