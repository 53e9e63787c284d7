"""MEAD (Wang et al. 2020): people who speak with eight emotions, filmed from seven sides.

Read as it is distributed, `<speaker>/video/<view>/<emotion>/<level>/NNN.mp4`, and as the original projects laid it out,
`<speaker>/NNN.mp4` or with the same words in longer names (`<speaker>/front_neutral_level_1_001.mp4`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from talkingface.config.schema import DatasetConfig

VIEWS = ("front", "down", "top", "left_30", "left_60", "right_30", "right_60")
EMOTIONS = ("neutral", "angry", "contempt", "disgusted", "fear", "happy", "sad", "surprised")
LEVELS = ("level_1", "level_2", "level_3")


@dataclass(frozen=True, kw_only=True)
class MeadConfig(DatasetConfig):
    """Which of MEAD's videos are used. A video whose path does not say a view, emotion or level has any of them."""

    mead_views: tuple[str, ...] = ("front",)
    """Sides the camera stands at; the paper's choice is the front."""
    mead_emotions: tuple[str, ...] = ("neutral",)
    """Emotions; the paper's choice is none."""
    mead_levels: tuple[str, ...] = LEVELS
    """Intensities of the emotion; neutral has level_1 alone."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, known in (("mead_views", VIEWS), ("mead_emotions", EMOTIONS), ("mead_levels", LEVELS)):
            unknown = [value for value in getattr(self, name) if value not in known]
            if unknown or not getattr(self, name):
                given = ", ".join(unknown) or "nothing"
                raise ValueError(f"{name}: got {given}, wanted some of {', '.join(known)}")

    def includes(self, video: PurePosixPath) -> bool:
        """Whether the words of a path below the speaker's folder are those asked for."""
        text = "/".join(video.parts[1:] or video.parts).lower()
        choices = ((VIEWS, self.mead_views), (EMOTIONS, self.mead_emotions), (LEVELS, self.mead_levels))
        return all(not (named := _named(text, known)) or bool(named & set(wanted)) for known, wanted in choices)


def _named(text: str, known: tuple[str, ...]) -> set[str]:
    """Which of the known words a path has, as whole words."""
    return {word for word in known if re.search(rf"(?<![a-z0-9]){word}(?![a-z0-9])", text)}
