"""How a dubbed video is drawn and written: keys that every command which dubs reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from talkingface.config.kinds import Place

MelTiming = Literal["training", "published"]
"""`training`: a face's mel begins one frame of 25 fps before it, as in training. `published`: it begins with it."""
Loop = Literal["bounce", "restart"]
"""How a video goes on when the sound is longer: backwards and forwards without a jump, or from its start again."""
Pads = tuple[int, int, int, int]
"""Pixels added to a face box: top, bottom, left, right."""


@dataclass(frozen=True, kw_only=True)
class GenerateConfig:
    """Looping, timing, crops, pasting and encoding of dubbed videos."""

    loop: Place[Loop] = "bounce"
    """What the face video does when the sound is longer: `bounce` plays it backwards and forwards, `restart` begins
    again."""
    mel_timing: Place[MelTiming] = "training"
    """Which mel a frame is drawn from: `training` starts it one frame earlier, as in training; `published` with it."""
    generate_pads: Place[Pads | None] = None
    """Pixels added to the box when dubbing: top, bottom, left, right; none takes `crop_pads`, as at preparation."""
    generate_batch_size: Place[int | None] = None
    """Faces that are drawn at a time; none takes `evaluate_batch_size`."""
    paste_feather: Place[float] = 0.09
    """Width of the soft edge around the drawn mouth, as a share of the face box's side."""
    paste_chin_room: Place[float] = 0.07
    """Share of the face box's height by which the pasted region reaches below the chin, so that a dropping jaw is
    drawn."""
    paste_match_colour: Place[bool] = True
    """Carry the frame's colours at the region's edge into the drawn face (slow colour changes only)."""
    crf: Place[int] = 18
    """x264's quality of dubbed videos: 0 to 51, lower is better and larger; 18 looks lossless."""

    def __post_init__(self) -> None:
        if not 0 <= self.crf <= 51:
            raise ValueError(f"crf: wanted 0 to 51, got {self.crf}")
        if not 0 <= self.paste_feather <= 0.5:
            raise ValueError(f"paste_feather: wanted a share from 0 to 0.5, got {self.paste_feather}")
        if not 0 <= self.paste_chin_room <= 0.5:
            raise ValueError(f"paste_chin_room: wanted a share from 0 to 0.5, got {self.paste_chin_room}")
        if self.generate_batch_size is not None and self.generate_batch_size <= 0:
            raise ValueError(f"generate_batch_size: wanted a number above 0, got {self.generate_batch_size}")
