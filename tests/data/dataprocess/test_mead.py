"""MEAD's layouts: which videos are taken, and that the rest of the chain sees only those."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from talkingface.data.dataprocess.mead import MeadConfig
from talkingface.data.dataprocess.steps.folders import clip_names, dataset_videos

DISTRIBUTED = (
    "M003/video/front/neutral/level_1/001.mp4",
    "M003/video/front/happy/level_3/001.mp4",
    "M003/video/left_30/neutral/level_1/002.mp4",
    "W009/video/top/neutral/level_1/001.mp4",
    "W009/video/front/neutral/level_1/029.mp4",
)
FLAT = ("M005/001.mp4", "M005/front_neutral_level_1_002.mp4", "M005/left_60_neutral_level_1_002.mp4", "sad/003.mp4")


def config(root: Path, **values: object) -> MeadConfig:
    folders = dict.fromkeys(("filelist_root", "preprocessed_root", "packed_root"), str(root / "out"))
    return MeadConfig(data_root=str(root / "data"), **folders, **values)  # type: ignore[arg-type]


def taken(root: Path, names: tuple[str, ...], **values: object) -> list[str]:
    for name in names:
        path = root / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return [str(video) for video in dataset_videos(config(root, **values))]


def test_front_and_neutral_by_default(tmp_path: Path):
    assert taken(tmp_path, DISTRIBUTED) == [DISTRIBUTED[0], DISTRIBUTED[4]]


def test_views_and_emotions_by_choice(tmp_path: Path):
    chosen = taken(tmp_path, DISTRIBUTED, mead_views=("left_30", "front"), mead_emotions=("neutral", "happy"))
    assert chosen == sorted([DISTRIBUTED[0], DISTRIBUTED[1], DISTRIBUTED[2], DISTRIBUTED[4]])
    assert taken(tmp_path, (), mead_emotions=("happy",), mead_levels=("level_1",)) == []


def test_flat_names_without_a_word_are_taken_and_speakers_names_say_nothing(tmp_path: Path):
    assert taken(tmp_path, FLAT) == ["M005/001.mp4", "M005/front_neutral_level_1_002.mp4", "sad/003.mp4"]


def test_the_speaker_is_the_first_folder():
    names = clip_names([PurePosixPath(name) for name in DISTRIBUTED], "data")
    assert names[PurePosixPath(DISTRIBUTED[0])] == "M003/video_front_neutral_level_1_001"
    assert {name.split("/")[0] for name in names.values()} == {"M003", "W009"}


@pytest.mark.parametrize("wrong", [{"mead_views": ("back",)}, {"mead_emotions": ()}, {"mead_levels": ("4",)}])
def test_unknown_words(tmp_path: Path, wrong: dict[str, tuple[str, ...]]):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        config(tmp_path, **wrong)
