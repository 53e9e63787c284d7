"""A face that is a bright square on grey, who finds it, and a model that paints: all can be worked out by hand."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import torch

from talkingface.config.schema import Config, DatasetConfig, RunConfig
from talkingface.generate import Dubber
from talkingface.model.audio_driven_talkingface.hyperlipsbase_config import HyperLipsBaseConfig
from talkingface.utils.face import Face
from talkingface.utils.media.video import VideoWriter

SIZE = 96
FACE = (24, 16, 72, 80)


def frame_with_face(level: int = 60, box=FACE) -> np.ndarray:
    frame = np.full((SIZE, SIZE, 3), level, np.uint8)
    if box is not None:
        x1, y1, x2, y2 = box
        frame[y1:y2, x1:x2] = 230
    return frame


def config_of(model=HyperLipsBaseConfig, **keys) -> Config:
    """A configuration with these keys, for crops of 32 px on the CPU."""
    keys = {"device": "cpu", "img_size": 32, **keys}
    of = lambda schema: {field.name: keys.pop(field.name) for field in fields(schema) if field.name in keys}  # noqa: E731
    folders = dict.fromkeys(("data_root", "filelist_root", "preprocessed_root", "packed_root"), "")
    parts = RunConfig(**of(RunConfig)), DatasetConfig(**folders, **of(DatasetConfig)), model(**of(model))
    assert not keys
    return Config(model_name="Stand-in", dataset_name="any", run=parts[0], dataset=parts[1], model=parts[2])


def dubber_of(network, detector=None, mesh=None, **keys) -> Dubber:
    """A dubber of a stand-in, with the square's detector unless another is given."""
    return Dubber(network, config_of(**keys), detector=detector or SquareDetector(), mesh=mesh)


class SquareDetector:
    """Finds the bright square; counts what it was asked."""

    def __init__(self) -> None:
        self.calls = self.resets = 0

    def reset(self) -> None:
        self.resets += 1

    def detect(self, frame: np.ndarray) -> Face | None:
        self.calls += 1
        ys, xs = np.nonzero(frame.min(axis=2) > 180)
        if len(xs) < 50:
            return None
        box = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], np.float32)
        return Face(box=box, landmarks=None)

    def close(self) -> None:
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_exc) -> None:
        pass


class Painter:
    """Draws black faces and keeps what it was given."""

    def __init__(self) -> None:
        self.mels: list[torch.Tensor] = []
        self.frames: list[torch.Tensor] = []

    def predict(self, batch):
        self.mels.append(batch["indiv_mels"].clone())
        self.frames.append(batch["input_frames"].clone())
        return torch.zeros_like(batch["input_frames"][:, :3])


class Reference:
    """Draws the reference."""

    def predict(self, batch):
        return batch["input_frames"][:, 3:]


def write_clip(path, frames, *, fps=25, seconds=None, sample_rate=16000):
    """Write frames with noise bursts as sound."""
    frames = list(frames)
    length = seconds if seconds is not None else len(frames) / fps
    sound = speechlike(length, sample_rate)
    with VideoWriter(path, fps=fps, audio=sound, sample_rate=sample_rate, crf=4) as writer:
        for frame in frames:
            writer.write(frame)
    return sound


def speechlike(seconds: float, rate: int = 16000, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    bursts = (np.sin(2 * np.pi * 3.1 * t + 1) > 0.2) * rng.uniform(0.3, 1, 1)
    return (0.3 * bursts * rng.standard_normal(len(t))).clip(-1, 1).astype(np.float32)
