"""One clip's part of an evaluation: dub it with its own and with another clip's sound, measure the written files."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from talkingface.evaluator.metrics.base import ClipPair, Metric, SetMetric
from talkingface.evaluator.metrics.opening import FEWEST, pearson, resample
from talkingface.utils.errors import UserError

INFINITY = float("inf")
ROWS = ("model", "real", "cross", "silence")


@dataclass(frozen=True, kw_only=True)
class EvalClip:
    """A real video with sound that the model is judged on."""

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
    """Plain data about one clip, saved as it stands."""

    name: str
    speaker_seen: bool | None = None
    """Whether training has seen the speaker; None where nobody knows."""
    fps: float = 0.0
    frames: int = 0
    faces_missing: int = 0
    """Frames in which the real or the generated video shows no face; they are not measured."""
    measured_from: int = 0
    """First frame that counts; those before are too near the reference, see apart.py."""
    sound_from: str | None = None
    """Clip whose sound the cross video has."""
    model: dict[str, float | None] = field(default_factory=dict)
    real: dict[str, float | None] = field(default_factory=dict)
    cross: dict[str, float | None] = field(default_factory=dict)
    silence: dict[str, float | None] = field(default_factory=dict)
    """Of the video dubbed with silence; empty where there is none."""
    stages: dict[str, float | None] = field(default_factory=dict)
    """Drawn faces of a model of two stages, see stages.py; empty for others."""
    opening_real: list[float | None] = field(default_factory=list)
    opening_model: list[float | None] = field(default_factory=list)
    opening_cross: list[float | None] = field(default_factory=list)
    envelope: list[float | None] = field(default_factory=list)
    failed: str | None = None
    """Why the clip is not in the means."""
    cross_failed: str | None = None
    note: str | None = None
    """What has to be known of the comparison, such as other rates or lengths."""

    def plain(self) -> dict[str, Any]:
        """Return what json can hold."""
        return dict(json_ready(asdict(self)))

    @classmethod
    def from_plain(cls, saved: dict[str, Any]) -> ClipResult:
        """Return what `plain` saved."""
        rows = {
            key: {name: INFINITY if value == "inf" else value for name, value in saved.get(key, {}).items()}
            for key in ROWS
        }
        return cls(**{**saved, **rows})


def json_ready(value: Any) -> Any:
    """Replace what JSON has no number for: infinity becomes the text "inf"."""
    if isinstance(value, dict):
        return {key: json_ready(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_ready(one) for one in value]
    return "inf" if value == INFINITY else value


def numbers(values: np.ndarray, digits: int = 5) -> list[float | None]:
    """Return a list that json can hold: NaN becomes None."""
    return [round(float(value), digits) if np.isfinite(value) else None for value in values]


def curve(values: list[float | None]) -> np.ndarray:
    """Return `numbers`' list as float64 with NaN again."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def finite(value: float) -> float | None:
    """Return the value, None for NaN; infinity stays (a PSNR without any error)."""
    return None if np.isnan(value) else float(value)


def own_scores(pair: ClipPair, metrics: list[Metric]) -> dict[str, float | None]:
    """Return each metric of the generated video against the real one."""
    return {one.name: finite(one.calculate_metric(pair)) for one in _measured(pair, metrics)}


def real_scores(pair: ClipPair, metrics: list[Metric]) -> dict[str, float | None]:
    """Return the real video's own scores: measured where that has a sense, else the perfect value."""
    own = replace(pair, generated=pair.real)
    return {
        one.name: one.perfect if one.perfect is not None else finite(one.calculate_metric(own))
        for one in _measured(own, metrics)
    }


def _measured(pair: ClipPair, metrics: list[Metric]) -> list[Metric]:
    """Those that one clip has a value for; leakage has a protocol of its own."""
    own = [one for one in metrics if one.metric_type != "leakage" and not isinstance(one, SetMetric)]
    return [one for one in own if one.not_measured(pair) is None]


def cross_opening(result: ClipResult, other: ClipResult) -> dict[str, float | None]:
    """Opening of the cross video against the clip whose sound it has, and against the clip whose face it has.

    Returns:
        `opening_r` and `opening_amplitude` to the sound's clip at equal times; `opening_r_face`, which is low for a
        model that listens and high for one that copies.
    """
    if not other.opening_real:
        return {}  # the sound's clip was left out
    made = curve(result.opening_cross)
    times = np.arange(len(made)) / result.fps
    sound = resample(curve(other.opening_real), other.fps, times)
    face = curve(result.opening_real)
    count = min(len(made), len(face))
    good = np.isfinite(made) & np.isfinite(sound)
    enough = good.sum() >= FEWEST and sound[good].std() > 1e-9
    return {
        "opening_r": finite(pearson(made, sound)),
        "opening_amplitude": float(made[good].std() / sound[good].std()) if enough else None,
        "opening_r_face": finite(pearson(made[:count], face[:count])),
    }
