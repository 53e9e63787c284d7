"""A real training from packed clips: samples a second, and how long the device waits for data."""

from __future__ import annotations

import json
import math
import os
from typing import Any

import numpy as np

from benchmarks.gpu_parts.subjects import Subject
from talkingface import catalog
from talkingface.config.schema import Config
from talkingface.data.dataset.filelist import list_path
from talkingface.data.dataset.store import frames_path, index_path, mel_folder
from talkingface.utils.seed import init_seed

PEOPLE, CLIPS, FRAMES = 4, 4, 75


def write_packed(config: Config) -> None:
    """Write the list and the clips of a configuration's folders as packing does, of random pixels and sound."""
    random = np.random.default_rng(0)
    data, size, pad = config.dataset, config.model.img_size, config.model.mel_pad_mode
    rows = []
    for name in (f"person{person}/{clip}" for person in range(PEOPLE) for clip in range(CLIPS)):
        frames = random.integers(0, 256, (FRAMES, size, size, 3), dtype=np.uint8)
        mel = random.uniform(-4, 4, (math.ceil(FRAMES * 80 / 25), 80)).astype(np.float32)
        offsets = []
        places = frames_path(data, size, name), mel_folder(data.packed_root, pad) / f"{name}.npy"
        for path, values in zip(places, (frames, mel), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, values)
            offsets.append(path.stat().st_size - values.nbytes)
        rows.append(
            {"name": name, "frames": FRAMES, "absent": [], "frames_offset": offsets[0], "mel_offset": offsets[1],
             "mel_steps": len(mel)}
        )  # fmt: skip
    index_path(data, size, pad).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    listed = list_path(data.filelist_root, "train")
    listed.parent.mkdir(parents=True)
    listed.write_text("".join(f"{row['name']}\n" for row in rows), "utf-8")


def train_from_disk(subject: Subject, *, workers: int, steps: int) -> dict[str, Any]:
    """Train some steps with loader processes; the rates are those of the last half."""
    root = subject.folder / f"clips{workers}"
    folders = {"packed_root": root / "packed", "filelist_root": root / "lists", "preprocessed_root": root / "prepared"}
    ends = {"max_steps": steps, "log_every": max(1, steps // 2), "save_every": 10**9, "sample_every": 10**9}
    subject.options |= folders | ends | {"num_workers": workers}
    init_seed(0)
    trainer = subject.trainer()
    write_packed(trainer.config)
    dataset = catalog.load(catalog.model_row(subject.model).dataset)(trainer.config, "train")
    trainer.fit(dataset)
    line = [line for line in trainer.run.read_metrics() if line["split"] == "train"][-1]
    return {
        "model": subject.model, "workers": workers, "cores": os.cpu_count(), "steps": steps,
        "samples_per_second": line["steps_per_second"] * subject.samples, "data_wait": line["data_wait"],
    }  # fmt: skip
