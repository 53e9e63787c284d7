"""Fixtures that several packages' tests share."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from talkingface.catalog import lookup
from talkingface.utils.media.audio import write_wav

if "PYTEST_XDIST_WORKER" in os.environ:  # workers share the cores, so each takes one; read when torch is imported
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if TYPE_CHECKING:
    from talkingface.demo.config import DemoConfig


@pytest.fixture(scope="session")
def tiny_clips(tmp_path_factory: pytest.TempPathFactory) -> DemoConfig:
    """Three rendered people, two clips of 1.6 s each at 160 px, with lists: train 4, val 1, test 1.

    The config names `data_root` and `filelist_root`, which are shared and must not be changed, and
    `preprocessed_root` and `packed_root`, which nobody has filled; use `dataclasses.replace` for folders of your own.
    """
    from talkingface.demo.config import DemoConfig
    from talkingface.demo.render import render_demo

    root = tmp_path_factory.mktemp("tiny_clips")
    config = DemoConfig(
        data_root=str(root / "data"),
        filelist_root=str(root / "filelist"),
        preprocessed_root=str(root / "preprocessed_data"),
        packed_root=str(root / "packed_data"),
        demo_identities=3,
        demo_unseen_identities=0,
        demo_clips=2,
        demo_val_clips=1,
        demo_test_clips=1,
        demo_seconds=1.6,
        demo_size=160,
        prepare_workers=1,
    )
    render_demo(config, workers=0, show_progress=False)
    return config


PAGE = Path(__file__).resolve().parent.parent / "docs" / "add_a_model.md"
CLIPS = ("anna/1", "anna/2", "bert/1", "bert/2", "cleo/1")


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder; `dataset/toy/preprocessed_data/imgs` holds five clips of 24 frames, 32 px.

    Noise has no landmarks, so the HR decoder's pictures of one frame a clip lie there too, as if made elsewhere.
    """
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in CLIPS:
        folder = tmp_path / "dataset/toy/preprocessed_data/imgs" / name
        folder.mkdir(parents=True)
        for number in range(24):
            cv2.imwrite(str(folder / f"{number}.jpg"), rng.integers(0, 256, (32, 32, 3), dtype=np.uint8))
        write_wav(folder / "audio.wav", rng.normal(0, 0.1, 24 * 640).astype(np.float32), 16000)
        for pictures in ("GT_IMG", "GT_MASK", "GT_SKETCH", "HYPER_IMG", "HYPER_SKETCH"):
            path = tmp_path / "dataset/toy/preprocessed_data/HR_Train_Dateset" / pictures / name / "0.jpg"
            path.parent.mkdir(parents=True)
            cv2.imwrite(str(path), np.full((32, 32, 3), 255, np.uint8))
    return tmp_path


def page_files() -> dict[str, str]:
    """The files that the page shows, by the name in their first line."""
    blocks = re.findall(r"^```(?:python|toml)\n# (\S+)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    return dict(blocks)


@pytest.fixture
def murmur(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Install the page's package for the test; gives the model's name."""
    for name, text in page_files().items():
        path = tmp_path / "package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    project = tomllib.loads(page_files()["pyproject.toml"])["project"]
    announced = [
        EntryPoint(name=name, value=value, group=lookup.GROUPS["model"])
        for name, value in project["entry-points"][lookup.GROUPS["model"]].items()
    ]
    monkeypatch.syspath_prepend(str(tmp_path / "package"))
    monkeypatch.setattr(lookup, "entry_points", lambda group: announced if group == lookup.GROUPS["model"] else [])
    lookup._plugins.cache_clear()
    yield announced[0].name
    lookup._plugins.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[0] == "murmur"]:
        del sys.modules[name]
