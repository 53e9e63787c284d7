"""Prepared clips whose content tells where it came from: frame k of clip c is a plain grey of level 2k + c."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from talkingface.config.schema import Config, DatasetConfig, ModelConfig, RunConfig

RATE = 16000


def write_clip(folder: Path, frames: Iterable[int], *, level: int = 0, seconds: float | None = None, rate: int = RATE):
    """Write a prepared clip; its sound is as long as its frames unless `seconds` says otherwise."""
    frames = list(frames)
    folder.mkdir(parents=True)
    for k in frames:
        cv2.imwrite(str(folder / f"{k}.jpg"), np.full((40, 32, 3), 2 * k + level, np.uint8))
    length = round((seconds if seconds is not None else (max(frames) + 1) / 25) * rate)
    sound = np.random.default_rng(level).normal(0, 0.1, length)
    soundfile.write(folder / "audio.wav", sound.astype(np.float32), rate)


def dataset_config(root: Path, **values: object) -> DatasetConfig:
    folders = {
        "data_root": "data",
        "filelist_root": "filelist",
        "preprocessed_root": "prepared",
        "packed_root": "packed",
    }
    paths = {key: str(root / name) for key, name in folders.items()}
    return DatasetConfig(**{**paths, "prepare_workers": 1, **values})  # type: ignore[arg-type]


def config_of(data: DatasetConfig, *, seed: int = 0, **model: object) -> Config:
    return Config(
        model_name="test",
        dataset_name="test",
        run=RunConfig(seed=seed),
        dataset=data,
        model=ModelConfig(**{"img_size": 32, **model}),  # type: ignore[arg-type]
    )


def write_lists(data: DatasetConfig, **splits: Iterable[str]) -> None:
    root = Path(data.filelist_root)
    root.mkdir(exist_ok=True)
    for split, names in splits.items():
        (root / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> DatasetConfig:
    """Three packed clips of 100, 60 and 40 frames: a and b for training (b lacks frames 20 to 24), c for the rest."""
    from talkingface.data.dataprocess.packing import pack

    data = dataset_config(tmp_path_factory.mktemp("packed"))
    imgs = Path(data.preprocessed_root) / "imgs" / "s"
    write_clip(imgs / "a", range(100), level=0)
    write_clip(imgs / "b", [k for k in range(60) if not 20 <= k < 25], level=40)
    write_clip(imgs / "c", range(40), level=80)
    write_lists(data, train=["s/a", "s/b"], val=["s/c"], test=["s/c"][:0])
    pack(data, img_size=32, show_progress=False)
    return data


@pytest.fixture
def config_for() -> Callable[..., Config]:
    return config_of


@pytest.fixture(name="make_data", scope="session")
def _make_data() -> Callable[..., DatasetConfig]:
    return dataset_config


@pytest.fixture(name="write_lists", scope="session")
def _write_lists() -> Callable[..., None]:
    return write_lists


@pytest.fixture(name="write_clip", scope="session")
def _write_clip() -> Callable[..., None]:
    return write_clip


class FixedFace:
    """A detector that always sees the same face, for tests of what comes after it."""

    box = np.array([60, 40, 160, 180], np.float32)
    landmarks = None

    def __init__(self, *_):
        pass

    def detect(self, _):
        return self

    def reset(self):
        pass

    def close(self):
        pass


@pytest.fixture
def here(monkeypatch):
    """Preparation in this process with a detector that costs nothing."""
    from talkingface.data.dataprocess import hyperlipsbase_process
    from talkingface.data.dataprocess.steps import prepare_clip

    monkeypatch.setattr(hyperlipsbase_process, "cores", lambda _: 0)
    monkeypatch.setattr(hyperlipsbase_process, "make_detector", FixedFace)
    monkeypatch.setattr(prepare_clip, "_detector", FixedFace)
