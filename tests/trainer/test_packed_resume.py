"""A training on packed clips that is cut and continued is the uninterrupted one, raw or as JPEG."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
import torch
from tiny import tiny_config, tiny_trainer

from talkingface.config.schema import DatasetConfig
from talkingface.data.dataprocess import packing
from talkingface.data.dataset.hyperlipsbase_dataset import HyperLipsBaseDataset
from talkingface.trainer.run_folder import RunFolder

SIDE, FRAMES = 32, 60
RECIPE = {"img_size": SIDE, "num_frames": 2, "train_batch_size": 4, "log_every": 1, "save_every": 3, "valid_every": 100}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DatasetConfig:
    """One clip of noise, prepared and packed both ways."""
    root, random = tmp_path_factory.mktemp("packed_resume"), np.random.default_rng(0)
    clip = root / "prepared" / "imgs" / "s" / "a"
    clip.mkdir(parents=True)
    for k in range(FRAMES):
        cv2.imwrite(str(clip / f"{k}.jpg"), random.integers(0, 256, (40, 40, 3), dtype=np.uint8))
    soundfile.write(clip / "audio.wav", random.normal(0, 0.1, FRAMES * 640).astype(np.float32), 16000)
    (root / "lists").mkdir()
    (root / "lists" / "train.txt").write_text("s/a\n")
    places = {"data_root": "", "preprocessed_root": str(root / "prepared"), "filelist_root": str(root / "lists")}
    data = DatasetConfig(**places, packed_root=str(root / "packed"), prepare_workers=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "cores", lambda _: 0)
        for kind in ("raw", "jpeg"):
            packing.pack(replace(data, pack_format=kind), img_size=SIDE, show_progress=False)
    return data


def train(folder: Path, data: DatasetConfig, *ends: int) -> tuple[list[str], str]:
    """Train to one end after another, each by a new trainer; returns exact losses and a checksum of the weights."""
    run = RunFolder(folder / "run")
    for end in ends:
        config = replace(tiny_config(folder, max_steps=end, **RECIPE), dataset=data)
        tiny_trainer(config, run).fit(HyperLipsBaseDataset(config, "train"))
    weights = hashlib.sha256()
    for value in torch.load(run.last, weights_only=True)["state_dict"].values():
        weights.update(value.contiguous().numpy().tobytes())
    return [float(line["loss"]).hex() for line in run.read_metrics() if line["split"] == "train"], weights.hexdigest()


@pytest.mark.parametrize("kind", ["raw", "jpeg"])
def test_cut_and_continued_is_bit_identical(tmp_path: Path, data: DatasetConfig, kind: str) -> None:
    packed = replace(data, pack_format=kind)
    whole, parts = (train(tmp_path / name, packed, *ends) for name, ends in (("whole", (9,)), ("parts", (4, 9))))
    assert len(whole[0]) == 9 and parts == whole
