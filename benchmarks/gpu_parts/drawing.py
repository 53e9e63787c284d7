"""Faces drawn a second: by the synthesizer as when dubbing, and by the decoder at its sizes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from benchmarks.gpu_parts.clock import Clock
from benchmarks.gpu_parts.subjects import Subject
from talkingface.batch import HYPER_IMG, HYPER_SKETCH
from talkingface.generate.synthesizer import Synthesizer
from talkingface.utils.device import autocast

Stream = Iterator[tuple[int, np.ndarray, np.ndarray]]


def dub(subject: Subject, clock: Clock, *, precision: str, frames: int, batch_size: int) -> dict[str, Any]:
    """Frames a second from crops in memory to drawn pictures in memory, copies to and from the device included."""
    size = subject.config.model.input_size
    random = np.random.default_rng(0)
    crops = random.integers(0, 256, (8, size, size, 3), dtype=np.uint8)
    mels = random.uniform(-4, 4, (8, 80, 16)).astype(np.float32)
    model = subject.network.to(subject.device).eval()

    def stream() -> Stream:
        return ((k, crops[k % 8], mels[k % 8]) for k in range(frames))

    def work() -> None:
        drawing = Synthesizer(model, device=subject.device, precision=precision, batch_size=batch_size)
        assert sum(1 for one in drawing.draw(stream()) if one.face is not None) == frames

    seconds = clock.seconds(work, warm=1, least=1.0, most=10)
    return {
        "model": subject.model, "precision": precision, "size": size, "batch": batch_size, "fps": frames / seconds,
    }  # fmt: skip


def decode(subject: Subject, clock: Clock, *, precision: str, batch_size: int) -> dict[str, Any]:
    """Frames a second of the decoder alone, on the device."""
    model = subject.network.to(subject.device).eval()
    batch = {key: subject.batch[key][:batch_size] for key in (HYPER_IMG, HYPER_SKETCH)}

    def work() -> None:
        with torch.inference_mode(), autocast(subject.device, precision):
            model.predict(batch)

    seconds = clock.seconds(work)
    count = len(batch[HYPER_IMG])
    return {
        "model": f"{subject.model}, decoder", "precision": precision, "size": subject.config.model.img_size,
        "batch": count, "fps": count / seconds,
    }  # fmt: skip
