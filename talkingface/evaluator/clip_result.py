"""A test clip, and what an evaluation found out about it: plain data that JSON keeps."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from talkingface.utils.errors import UserError

INFINITY = float("inf")
Scores = dict[str, float | None]
"""Values by the metric's name; None where a clip has no value."""
Curve = list[float | None]
"""A value for each frame; None where no face was found."""
SCORES = ("model", "real", "cross", "silence")
"""Fields of `ClipResult` that hold scores, one for each kind of video."""
OLD_DECODER = {"second_": "decoder_", "first_": "base_"}
"""Beginnings of `decoder`'s keys in evaluations of before, and those of today."""


@dataclass(frozen=True, kw_only=True)
class EvalClip:
    """A real video with sound that the model is evaluated on."""

    name: str
    """Unique, `<speaker>/<clip>` or any relative path without a suffix; also names the output."""
    video: Path
    speaker_seen: bool
    """Whether the speaker was in the training data."""

    def __post_init__(self) -> None:
        parts = PurePosixPath(self.name).parts
        if not parts or ".." in parts or PurePosixPath(self.name).is_absolute():
            raise UserError(f"clip name {self.name!r}: wanted a relative name such as speaker/clip")


@dataclass(kw_only=True)
class ClipResult:
    """Scores and curves of one clip."""

    name: str
    speaker_seen: bool | None = None
    """Whether training has seen the speaker; None where that is not known."""
    fps: float = 0.0
    frames: int = 0
    faces_missing: int = 0
    """Frames in which the real or the generated video shows no face; they are not compared."""
    measured_from: int = 0
    """First frame that counts; those before are too near the reference, see protocols/reconstruction.py."""
    sound_from: str | None = None
    """Clip whose sound the cross video has."""
    model: Scores = field(default_factory=dict)
    """Of the video dubbed with the clip's own sound."""
    real: Scores = field(default_factory=dict)
    """Of the real video."""
    cross: Scores = field(default_factory=dict)
    """Of the video dubbed with another clip's sound; empty where there is none."""
    silence: Scores = field(default_factory=dict)
    """Of the video dubbed with silence; empty where there is none."""
    decoder: Scores = field(default_factory=dict)
    """Faces of the HR decoder and of its Base before pasting, see protocols/decoder.py; empty for other models."""
    opening_real: Curve = field(default_factory=list)
    """Mouth opening in interocular distances, real video."""
    opening_model: Curve = field(default_factory=list)
    opening_cross: Curve = field(default_factory=list)
    envelope: Curve = field(default_factory=list)
    """Root mean square of the real video's sound over each frame."""
    failed: str | None = None
    """Why the clip is not in the means."""
    cross_failed: str | None = None
    """Why there is no video with another clip's sound."""
    note: str | None = None
    """What has to be known of the comparison, such as other rates or lengths."""

    def plain(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return dict(json_ready(asdict(self)))

    @classmethod
    def from_plain(cls, saved: dict[str, Any]) -> ClipResult:
        """Return what `plain` saved, in an evaluation of before too."""
        values = dict(saved)
        if "stages" in values:
            values["decoder"] = {_renamed(key): value for key, value in values.pop("stages").items()}
        for key in SCORES:
            values[key] = {name: INFINITY if value == "inf" else value for name, value in values.get(key, {}).items()}
        return cls(**values)


def _renamed(key: str) -> str:
    return next((new + key.removeprefix(old) for old, new in OLD_DECODER.items() if key.startswith(old)), key)


@dataclass(frozen=True, kw_only=True)
class RowClip:
    """What one clip gives to one row of the report."""

    name: str
    scores: Scores
    openings: tuple[np.ndarray, np.ndarray] | None = None
    """Opening of the dubbed mouth and the one that it should have, float64 (N,) each, NaN for no face; None where the
    row compares none, or the curves were not kept."""


def json_ready(value: Any) -> Any:
    """Replace what JSON has no number for: infinity becomes the text "inf"."""
    if isinstance(value, dict):
        return {key: json_ready(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_ready(one) for one in value]
    return "inf" if value == INFINITY else value


def to_curve(values: np.ndarray, digits: int = 5) -> Curve:
    """Return (N,) values as JSON can hold them: NaN becomes None."""
    return [round(float(value), digits) if np.isfinite(value) else None for value in values]


def from_curve(values: Curve) -> np.ndarray:
    """Return a curve as float64 (N,), NaN where it has no value."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def finite(value: float) -> float | None:
    """Return the value, None for NaN; infinity stays (a PSNR without any error)."""
    return None if np.isnan(value) else float(value)
