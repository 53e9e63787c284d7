"""Folders of runs as training and evaluation leave them, with small videos, without either."""

from __future__ import annotations

import html.parser
import json
from pathlib import Path

import cv2
import numpy as np
import yaml

from talkingface.evaluator.clip_result import ClipResult
from talkingface.evaluator.evaluation import protocol_text, write_files
from talkingface.evaluator.metrics.registry import make_metrics
from talkingface.evaluator.summary import PROTOCOLS, summarise
from talkingface.utils.files import write_json, write_text
from talkingface.utils.media.writer import VideoWriter

VOID = {"meta", "link", "br", "input", "img", "hr"}
DRAWN = {"path", "line", "rect"}
EVIL = "<script>alert('x')</script>&\""


def video(path: Path, *, seconds: float = 0.4, size: int = 32, noise: bool = False) -> Path:
    """A small video with sound."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    sound = np.sin(np.arange(int(seconds * 16000)) / 20).astype(np.float32) * 0.3
    with VideoWriter(path, fps=25, audio=sound) as writer:
        for k in range(int(seconds * 25)):
            frame = np.full((size, size, 3), 5 * k % 255, np.uint8)
            frame = rng.integers(0, 256, frame.shape, dtype=np.uint8) if noise else frame
            writer.write(cv2.circle(frame, (size // 2, size // 2), 5, (255, 255, 255)))
    return path


def clip(name: str, r: float, *, seen: bool = True, sound_from: str | None = None) -> ClipResult:
    """A clip whose generated mouth follows the real one by about `r`."""
    rng = np.random.default_rng(int(r * 1000))
    real = rng.random(10) * 0.2
    made = r * real + (1 - r) * rng.random(10) * 0.2
    cross: dict[str, float | None] = {"opening_r": r - 0.1, "opening_r_face": 0.1} if sound_from else {}
    return ClipResult(
        name=name, speaker_seen=seen, fps=25, frames=10, opening_real=real.tolist(), opening_model=made.tolist(),
        model={"opening_r": r, "opening_amplitude": 0.5 + r / 2, "psnr": 20 + 10 * r}, sound_from=sound_from,
        real={"opening_r": 1.0, "opening_amplitude": 1.0, "psnr": float("inf")}, cross=cross, envelope=[0.1] * 10,
    )  # fmt: skip


def evaluation(folder: Path, clips: list[ClipResult], *, model: str = "M", dataset: str = "toy") -> Path:
    """Write what an evaluation leaves; every good clip has its videos."""
    metrics, videos = make_metrics(), {}
    for one in clips:
        if one.failed is None:
            real = video(folder.parent.parent / "data" / f"{one.name}.mp4")
            made = video(folder / "videos" / f"{one.name}.mp4")
            videos[one.name] = [str(real), str(made)]
            if one.sound_from:
                video(folder / "videos" / f"{one.name}__{one.sound_from.replace('/', '-')}.mp4")
    failed = [{"name": one.name, "reason": one.failed} for one in clips if one.failed]
    report = {
        "rows": summarise(clips), "clips": len(videos), "failed": failed, "videos": videos, "decoder": [],
        "not_measured": {"sync conf.": "no sync expert was given"}, "per_clip": [one.plain() for one in clips],
        "protocol": protocol_text(metrics, PROTOCOLS, model=model, dataset=dataset),
    }  # fmt: skip
    write_files(folder, report, clips, metrics)
    return folder


def run(saved: Path, name: str, *, created: str, steps: int = 40, learning_rate: float = 0.001) -> Path:
    """Write what a training leaves, without checkpoints."""
    folder = saved / name
    status = {"model": "M", "dataset": "toy", "created": created, "finished": True, "steps": steps, "best_score": 0.1}
    write_json(folder / "status.json", status)
    config = {"model_name": "M", "model": {"learning_rate": learning_rate, "note": EVIL}}
    write_text(folder / "config.yaml", yaml.safe_dump(config))
    write_json(folder / "environment.json", {"command": ["x", EVIL], "host": "secret-host", "packages": {"torch": "2"}})
    lines = [
        {"step": k, "split": split, "loss": 1 / k, "l1": 1 / k, "extra": k, "steps_per_second": 2.0}
        for k in range(10, steps + 1, 10)
        for split in ("train", "valid")
    ]
    write_text(folder / "metrics.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    return folder


class Page(html.parser.HTMLParser):
    """Tags balanced, addresses collected."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for key, value in attrs if key in ("src", "href", "srcset", "poster", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in DRAWN

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data
