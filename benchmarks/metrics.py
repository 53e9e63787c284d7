"""Seconds that each metric takes, on rendered people.

    python -m benchmarks.metrics [clips]

Renders the clips (4 by default; 5 s at 25 fps, 256 px), measures each twice (as the real and as the generated video,
face mesh included) and takes every metric of the generated and, where it has to be measured, of the real video.
Metrics whose weights are absent are named. CPU seconds are those of all threads; on a busy machine OMP_NUM_THREADS=1
keeps them true, since threads that wait for each other count too. The sync expert is a new one: its numbers mean
nothing, its time does.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from talkingface.demo.config import DemoConfig
from talkingface.demo.render import render_demo
from talkingface.evaluator.measured_video import CROP_SIZE, DETECTOR, MeasureSettings, measure_video
from talkingface.evaluator.metrics.base import ClipPair, Metric
from talkingface.evaluator.metrics.networks import MetricNetworks
from talkingface.evaluator.metrics.registry import make_metrics, unmeasured
from talkingface.model.audio_driven_talkingface.syncnet import SyncNet_color
from talkingface.utils.face import FaceDetector, make_detector

SECONDS = 5.0
WANTED = 20
"""Clips that the last line reckons with."""
Spent = dict[str, np.ndarray]
"""Wall and CPU seconds by what took them."""
MEASURING = "decode, face mesh, crops, sound"


def main() -> None:
    """Time all metrics on the clips, one after another in one process."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    metrics, spent = make_metrics(), defaultdict[str, np.ndarray](lambda: np.zeros(2))
    networks = MetricNetworks(expert=SyncNet_color().eval())
    with tempfile.TemporaryDirectory() as folder, make_detector(DETECTOR) as detector:
        for video in rendered(Path(folder), count):
            pair = replace(measured(video, detector, spent), networks=networks)
            own = replace(pair, generated=pair.real)
            for metric in metrics:
                timed(metric, pair, own, spent)
    print(f"{count} clips of {SECONDS:g} s, crops of {CROP_SIZE} px, {torch.get_num_threads()} threads")
    print(f"{'a clip':34}{'s':>10}{'CPU s':>10}")
    for name, (wall, cpu) in sorted(spent.items(), key=lambda item: -item[1][1]):
        print(f"{name:34}{wall / count:10.3f}{cpu / count:10.3f}")
    wall, cpu = sum(spent.values())
    print(f"{'all':34}{wall / count:10.3f}{cpu / count:10.3f}")
    print(f"{f'all, {WANTED} clips':34}{WANTED * wall / count:10.0f}{WANTED * cpu / count:10.0f}")
    for titles, reason in unmeasured(metrics, networks).items():
        print(f"not measured: {titles} ({reason})")


def now() -> np.ndarray:
    """Wall and CPU clock."""
    return np.array([time.perf_counter(), time.process_time()])


def rendered(folder: Path, count: int) -> list[Path]:
    """Rendered videos, as many as asked for, one person each."""
    config = DemoConfig(
        data_root=str(folder / "data"), filelist_root=str(folder / "lists"),
        preprocessed_root=str(folder / "prepared"), packed_root=str(folder / "packed"),
        demo_identities=count, demo_unseen_identities=0, demo_clips=3, demo_val_clips=1, demo_test_clips=1,
        demo_seconds=SECONDS, demo_size=256,
    )  # fmt: skip
    render_demo(config, workers=2, show_progress=False)
    return sorted(Path(config.data_root).rglob("*.mp4"))[::3][:count]


def measured(video: Path, detector: FaceDetector, spent: Spent) -> ClipPair:
    """The video as real and as generated, measured anew for each."""
    began, settings = now(), MeasureSettings()
    real = measure_video(video, detector, settings, fps=25)
    made = measure_video(video, detector, settings, fps=25, boxes=real.boxes)
    spent[MEASURING] += now() - began
    return ClipPair(real=real, generated=made)


def timed(metric: Metric, pair: ClipPair, own: ClipPair, spent: Spent) -> None:
    """Take one metric as an evaluation does: of the generated, and of the real video where it is not known."""
    if metric.not_measured(pair.networks) is not None:
        return
    began = now()
    metric.calculate_metric(pair)
    if metric.perfect is None:
        metric.calculate_metric(own)
    spent[metric.name] += now() - began


if __name__ == "__main__":
    main()
