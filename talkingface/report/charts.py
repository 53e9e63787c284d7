"""The charts of a run: its losses over steps, and when the mouth opens in a clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from talkingface.evaluator.clip_result import ClipResult, Curve, from_curve
from talkingface.report.svg_chart import Chart, Line, chart, mirrored
from talkingface.utils.errors import MediaError

SPEED = ("step", "split", "epoch", "steps_per_second", "samples_per_second", "data_wait", "gpu_memory_gb")
"""Keys of metrics.jsonl that are no losses or scores, besides learning rates."""
SPLITS = {"train": "training", "valid": "validation"}
BINS = 600
"""Pieces that a waveform's outline is drawn of."""


def loss_charts(runs: dict[str, list[dict[str, Any]]]) -> list[Chart]:
    """Return a chart for each loss or score, training and validation in one.

    Args:
        runs: lines of metrics.jsonl by the run's title. Several are drawn over one another, each in its colour, with
            training thin behind validation.
    """
    every = dict.fromkeys(key for lines in runs.values() for line in lines for key in line)
    keys = [key for key in every if key not in SPEED and not key.startswith("learning_rate")]
    if len(runs) == 1:
        keys = [key for key in keys if not _repeats_loss(key, next(iter(runs.values())))]
    charts = []
    for key in keys:
        drawn: list[Line] = []
        for number, (title, lines) in enumerate(runs.items(), 1):
            found = {split: _points(lines, key, split) for split in SPLITS}
            for split, (x, y) in found.items():
                named = split == "valid" or not found["valid"][0]
                name, style = SPLITS[split], split
                if len(runs) > 1:
                    name, style = title if named else "", f"{split} run{number}"
                drawn += [Line(name=name, x=x, y=y, style=style)] if x else []
        if drawn:
            charts.append(chart(key, drawn, may_be_log=True))
    return charts


def _points(lines: list[dict[str, Any]], key: str, split: str) -> tuple[list[float], list[float]]:
    found = [(line["step"], line[key]) for line in lines if line.get("split") == split and key in line]
    return [float(x) for x, _ in found], [float(y) for _, y in found]


def _repeats_loss(key: str, lines: list[dict[str, Any]]) -> bool:
    """Whether the loss is this part alone: one chart is enough."""
    both = [line for line in lines if key in line and "loss" in line]
    return key != "loss" and bool(both) and all(line[key] == line["loss"] for line in both)


def opening_chart(clip: ClipResult, made: Mapping[str, Curve], sound: Path) -> Chart | None:
    """Return the opening of the mouth over the waveform of the sound; None where no curve was saved.

    Args:
        clip: gives the real curve.
        made: curves of generated videos by title; several have a colour each.
        sound: video whose sound it is; where it cannot be read, the loudness measured in the real clip is drawn.
    """
    styles = [f"run{number}" for number in range(1, len(made) + 1)] if len(made) > 1 else ["made"]
    drawn = [("real", "real", from_curve(clip.opening_real))]
    drawn += [(title, style, from_curve(one)) for (title, one), style in zip(made.items(), styles, strict=False)]
    lines = [
        Line(name=name, x=(np.arange(len(y)) / clip.fps).tolist(), y=y.tolist(), style=style)
        for name, style, y in drawn
        if clip.fps and np.isfinite(y).any()
    ]
    if not lines:
        return None
    seconds = max(len(y) for _, _, y in drawn) / clip.fps
    box = chart("mouth opening", lines, x_end=seconds, y_from=0.0, unit=" s")
    return replace(box, area=mirrored(_loudness(sound, seconds, from_curve(clip.envelope))), seconds=seconds)


def _loudness(sound: Path, seconds: float, fallback: np.ndarray) -> np.ndarray:
    """Largest sample of each piece of the sound, (BINS,); the loudness of each frame where it cannot be read."""
    from talkingface.utils.media.audio import read_audio

    try:
        samples = np.abs(read_audio(sound))
    except MediaError:
        return fallback
    wanted = round(seconds * 16000)
    samples = np.pad(samples[:wanted], (0, max(0, wanted - len(samples))))
    return np.array([part.max(initial=0.0) for part in np.array_split(samples, BINS)])
