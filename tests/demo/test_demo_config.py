"""Which clips there are and which list each belongs to."""

from __future__ import annotations

from typing import Any

import pytest

from talkingface.demo.config import DemoConfig, all_clips, split_clips


def make(**changes: Any) -> DemoConfig:
    return DemoConfig(data_root="d", filelist_root="f", preprocessed_root="p", packed_root="k", **changes)


def test_default_is_70_clips_with_unheard_speech_and_an_unseen_face() -> None:
    config = make()
    lists = {name: {clip.name for clip in clips} for name, clips in split_clips(config).items()}
    assert len(all_clips(config)) == sum(map(len, lists.values())) == len(set.union(*lists.values())) == 70
    train_speakers = {name.split("/")[0] for name in lists["train"]}
    assert train_speakers == {f"id{who:02d}" for who in range(9)}
    assert {name.split("/")[0] for name in lists["val"]} <= train_speakers
    assert {f"id09/take{take:02d}" for take in range(7)} < lists["test"]
    assert len(lists["val"]) == 22 and len(lists["test"]) == 12


@pytest.mark.parametrize("identities", [2, 5, 12])
@pytest.mark.parametrize("clips", [2, 4])
def test_lists_cover_all_clips_once(identities: int, clips: int) -> None:
    config = make(demo_identities=identities, demo_clips=clips, demo_val_clips=1, demo_test_clips=0)
    listed = [clip for part in split_clips(config).values() for clip in part]
    assert sorted(listed) == all_clips(config)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"demo_unseen_identities": 10}, "demo_unseen_identities"),
        ({"demo_clips": 1}, "demo_val_clips"),
        ({"demo_clips": 0}, "demo_clips"),
        ({"demo_size": 97}, "demo_size"),
        ({"demo_seconds": 0.5}, "demo_seconds"),
    ],
)
def test_impossible_sizes_are_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        make(**changes)
