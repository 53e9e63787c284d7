"""The HR decoder's packed frames: JPEG ones are the raw ones but for what JPEG loses, and patches are cut of both."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from talkingface.batch import GT_IMG, HYPER_IMG
from talkingface.config.schema import DatasetConfig
from talkingface.data.dataprocess.steps.hr_folders import pictures_state
from talkingface.data.dataprocess.steps.pack_clip import read_record
from talkingface.data.dataprocess.steps.pack_hr import PackHRTask, pack_hr_clip
from talkingface.data.dataset.hr_store import LINES, PICTURES, HRClip, hr_index, hr_path, open_hr_clips
from talkingface.data.dataset.hyperlipshr_dataset import HyperLipsHRDataset
from talkingface.model.audio_driven_talkingface.hyperlipshr_config import HyperLipsHRConfig
from talkingface.utils.errors import UserError
from talkingface.utils.files import write_text

SIDE, FRAMES, NAME = 256, 3, "s/a"


@pytest.fixture
def data(tmp_path: Path, make_data) -> DatasetConfig:
    """Pictures of three frames, cut from a photograph; lines are a circle that grows."""
    from skimage.data import astronaut

    photo = np.ascontiguousarray(astronaut()[..., ::-1])
    for key, folder in PICTURES.items():
        place = tmp_path / "pictures" / folder / NAME
        place.mkdir(parents=True)
        side = SIDE if key.startswith("gt") else 128
        for k in range(FRAMES):
            picture = cv2.resize(photo[4 * k : 4 * k + 240, 100:340], (side, side))
            if key in LINES:
                picture[:] = 0
                cv2.circle(picture, (side // 2, side // 2), side // 8 + 4 * k, (255, 255, 255), 3)
            cv2.imwrite(str(place / f"{k}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 98])
    config = make_data(tmp_path)
    write_text(Path(config.filelist_root) / "train.txt", f"{NAME}\n")
    return config


def packed(config: DatasetConfig, root: Path) -> HRClip:
    """The clip, packed as the configuration says and opened as training opens it."""
    task = PackHRTask(
        name=NAME,
        root=root / "pictures",
        state=pictures_state(root / "pictures", NAME),
        path=hr_path(config, SIDE, NAME),
        img_size=SIDE,
        pack_format=config.pack_format,
    )
    pack_hr_clip(task)
    assert task.record() is not None
    row = {"name": NAME, **(read_record(task.path) or {})}
    write_text(hr_index(config, SIDE), json.dumps(row) + "\n")
    (clip,) = open_hr_clips(config, "train", SIDE)
    return clip


def test_pictures_are_near_and_lines_equal_and_the_file_is_small(data: DatasetConfig, tmp_path: Path):
    raw, jpeg = (packed(replace(data, pack_format=kind), tmp_path) for kind in ("raw", "jpeg"))
    assert raw.path != jpeg.path and jpeg.count == raw.count == FRAMES
    for k in range(FRAMES):
        one, other = raw.frame(k), jpeg.frame(k)
        assert one.dtype == other.dtype and one.shape == other.shape == ()
        for key in PICTURES:
            if key in LINES:
                assert np.array_equal(one[key], other[key]) and one[key].any()
            else:
                error = np.square(one[key].astype(float) - other[key]).mean()
                assert 10 * np.log10(255**2 / error) > 34, key
    assert jpeg.path.stat().st_size < raw.path.stat().st_size / 4
    assert not np.array_equal(jpeg.frame(0)[GT_IMG], jpeg.frame(1)[GT_IMG])
    assert jpeg.frame(0)[HYPER_IMG].shape == (128, 128, 3)


@pytest.mark.parametrize("part", ["first", "table"])
def test_damage_names_the_clip(data: DatasetConfig, tmp_path: Path, part: str):
    clip = packed(replace(data, pack_format="jpeg"), tmp_path)
    bad = bytearray(clip.path.read_bytes())
    bad[700 if part == "first" else clip.offset + 2] ^= 1
    clip.path.write_bytes(bad)
    with pytest.raises(UserError, match=r"s/a: .*a\.jpegs is damaged .*; delete it"):
        clip.frame(0)


def dataset_of(data: DatasetConfig, config_for, *, seed: int = 0, split: str = "train", **recipe) -> HyperLipsHRDataset:
    config = config_for(data, seed=seed)
    return HyperLipsHRDataset(replace(config, model=HyperLipsHRConfig(img_size=SIDE, **recipe)), split)


def place_of(patch: np.ndarray, whole: np.ndarray) -> tuple[int, int]:
    """Row and column at which a patch was cut."""
    side = patch.shape[-1]
    found = [
        (top, left)
        for top in range(whole.shape[-2] - side + 1)
        for left in range(whole.shape[-1] - side + 1)
        if np.array_equal(whole[:, top : top + side, left : left + side], patch)
    ]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("kind", ["raw", "jpeg"])
def test_patches_are_one_place_of_all_pictures_by_seed_and_number(data, tmp_path, config_for, kind):
    data = replace(data, pack_format=kind)
    packed(data, tmp_path)
    recipe = {"patch_size": 48, "adversarial_weight": 0.0}
    whole, cut = dataset_of(data, config_for), dataset_of(data, config_for, **recipe)
    places = []
    for i in range(2 * FRAMES):
        patch, full = cut[i], whole[i]
        top, left = place_of(patch["hyper_img"], full["hyper_img"])
        places.append((top, left))
        for key in PICTURES:
            scale = full[key].shape[-1] // 128
            rows, columns = slice(scale * top, scale * (top + 48)), slice(scale * left, scale * (left + 48))
            assert np.array_equal(patch[key], full[key][:, rows, columns]) and patch[key].flags.c_contiguous, key
    assert len(set(places)) > FRAMES
    again = pickle.loads(pickle.dumps(cut))
    assert all(np.array_equal(again[i][GT_IMG], cut[i][GT_IMG]) for i in reversed(range(2 * FRAMES)))
    other = dataset_of(data, config_for, seed=1, **recipe)
    assert not all(np.array_equal(other[i][GT_IMG], cut[i][GT_IMG]) for i in range(FRAMES))


def test_a_patch_is_a_small_part_of_what_is_copied_to_the_device(data, tmp_path, config_for):
    packed(data, tmp_path)
    whole, cut = dataset_of(data, config_for), dataset_of(data, config_for, patch_size=64, adversarial_weight=0.0)
    bytes_of = [sum(part.nbytes for part in dataset[0].values()) for dataset in (whole, cut)]
    assert bytes_of[0] == 4 * bytes_of[1]


def test_validation_sees_whole_faces(data, tmp_path, config_for):
    packed(data, tmp_path)
    write_text(Path(data.filelist_root) / "val.txt", f"{NAME}\n")
    held_out = dataset_of(data, config_for, split="val", patch_size=64, adversarial_weight=0.0)
    assert held_out[0][GT_IMG].shape == (3, SIDE, SIDE)
