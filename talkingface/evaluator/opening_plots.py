"""Opening curves as pictures: when the mouth opens, really and generated, over the sound's loudness."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from talkingface.evaluator.clip_result import ClipResult, from_curve
from talkingface.utils.files import atomic_path


def plot_openings(results: list[ClipResult], folder: Path, *, most: int) -> list[Path]:
    """Write a PNG for the `most` clips with the lowest opening r, worst first; return the files."""
    good = [one for one in results if one.failed is None and one.opening_model]
    worst = sorted(good, key=lambda one: -2.0 if (r := one.model.get("opening_r")) is None else r)[:most]
    for stale in folder.glob("*.png"):
        stale.unlink()
    return [_plot(one, folder / f"{rank:02d}_{one.name.replace('/', '-')}.png") for rank, one in enumerate(worst, 1)]


def _plot(result: ClipResult, path: Path) -> Path:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    real, made = from_curve(result.opening_real), from_curve(result.opening_model)
    loud = from_curve(result.envelope)
    top = float(np.nanmax(np.concatenate([real, made, [0.01]]))) * 1.1
    times = np.arange(len(loud)) / result.fps
    axes.fill_between(times, loud / max(float(np.nanmax(loud)), 1e-9) * top, color="0.9", label="loudness")
    axes.plot(np.arange(len(real)) / result.fps, real, color="tab:blue", linewidth=1.4, label="real")
    axes.plot(np.arange(len(made)) / result.fps, made, color="tab:orange", linewidth=1.4, label="generated")
    r, amplitude = result.model.get("opening_r"), result.model.get("opening_amplitude")
    axes.set_title(f"{result.name}   r {_text(r)}   amplitude {_text(amplitude)}", fontsize=10)
    axes.set(xlabel="seconds", ylabel="mouth opening / interocular", ylim=(0, top), xlim=(0, None))
    axes.legend(loc="upper right", ncols=3, fontsize=8)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")
    return path


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
