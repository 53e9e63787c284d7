"""A prepared folder as original projects have it, and the small model of docs/add_a_model.md."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import cv2
import numpy as np
import pytest

from talkingface.quick_start import catalog
from talkingface.utils.media.audio import write_wav

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "add_a_model.md"
CLIPS = ("anna/1", "anna/2", "bert/1", "bert/2", "cleo/1")


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder; `dataset/toy/preprocessed_data/imgs` holds five clips of 24 frames, 32 px.

    Noise has no landmarks, so the second stage's pictures of one frame a clip lie there too, as if made elsewhere.
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
        EntryPoint(name=name, value=value, group=catalog.ENTRY_POINTS)
        for name, value in project["entry-points"][catalog.ENTRY_POINTS].items()
    ]
    monkeypatch.syspath_prepend(str(tmp_path / "package"))
    monkeypatch.setattr(catalog, "entry_points", lambda group: announced)
    catalog._plugins.cache_clear()
    yield announced[0].name
    catalog._plugins.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[0] == "murmur"]:
        del sys.modules[name]
