"""What the rendered dataset holds, and which of its clips belong to which list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from talkingface.config.schema import DatasetConfig


@dataclass(frozen=True, kw_only=True)
class DemoConfig(DatasetConfig):
    """A dataset that renders itself: `demo_identities * demo_clips` clips, 70 by default."""

    demo_identities: int = 10
    """People to render, the unseen ones included."""
    demo_unseen_identities: int = 1
    """The last so many people are in the test list only: faces (and voices) that training never met."""
    demo_clips: int = 7
    """Clips of each person."""
    demo_val_clips: int = 22
    """Clips of the seen people kept for validation: known faces, unheard speech."""
    demo_test_clips: int = 5
    """Clips of the seen people kept for the test, beside all clips of the unseen people."""
    demo_seconds: float = 5.0
    """Length of a clip."""
    demo_size: int = 256
    """Side of the square video, pixels."""
    demo_seed: int = 0
    """Seed of faces, voices, speech and movement: the same seed gives the same frames and samples."""

    def __post_init__(self) -> None:
        super().__post_init__()
        seen = self.demo_identities - self.demo_unseen_identities
        if self.demo_unseen_identities < 0 or seen < 1:
            raise ValueError(
                "demo_unseen_identities: wanted 0 or more and fewer than demo_identities "
                f"({self.demo_identities}), got {self.demo_unseen_identities}"
            )
        if self.demo_clips < 1:
            raise ValueError(f"demo_clips: wanted 1 or more, got {self.demo_clips}")
        held_out = self.demo_val_clips + self.demo_test_clips
        if min(self.demo_val_clips, self.demo_test_clips) < 0 or held_out > seen * (self.demo_clips - 1):
            raise ValueError(
                f"demo_val_clips + demo_test_clips: wanted at most {seen * (self.demo_clips - 1)}, so that each of the "
                f"{seen} seen people keeps a clip for training, got {held_out}"
            )
        if self.demo_seconds < 1:
            raise ValueError(f"demo_seconds: wanted 1 or more, got {self.demo_seconds}")
        if self.demo_size < 96 or self.demo_size % 2:
            raise ValueError(f"demo_size: wanted an even number from 96, got {self.demo_size}")


class DemoClip(NamedTuple):
    """One clip: who speaks and which of the speaker's takes it is."""

    identity: int
    take: int

    @property
    def name(self) -> str:
        """`<speaker>/<clip>`, as in the split lists."""
        return f"id{self.identity:02d}/take{self.take:02d}"


def all_clips(config: DemoConfig) -> list[DemoClip]:
    """Every clip of the dataset, speaker by speaker."""
    return [DemoClip(who, take) for who in range(config.demo_identities) for take in range(config.demo_clips)]


def split_clips(config: DemoConfig) -> dict[str, list[DemoClip]]:
    """The clips of `train`, `val` and `test`.

    Held-out speech is the last takes of the seen people, dealt person by person, so that as many faces as possible
    are heard in it. No clip is in two lists.
    """
    seen = config.demo_identities - config.demo_unseen_identities
    held_out = [DemoClip(who, take) for take in range(config.demo_clips - 1, 0, -1) for who in range(seen)]
    val = held_out[: config.demo_val_clips]
    test = held_out[config.demo_val_clips : config.demo_val_clips + config.demo_test_clips]
    test = test + [clip for clip in all_clips(config) if clip.identity >= seen]
    kept = {*val, *test}
    return {"train": [clip for clip in all_clips(config) if clip not in kept], "val": sorted(val), "test": sorted(test)}
