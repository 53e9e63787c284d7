"""How good a sync expert is: loss and accuracy on held-out pairs, and the offsets that it finds.

Every clip is also shown with its faces k frames late or early, for k from -5 to 5: an expert that is to correct or to
filter videos finds each shift.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import default_collate
from tqdm import tqdm

from talkingface.batch import FACE_WINDOW, IN_SYNC, MELS, to_network
from talkingface.data.dataset.store import Clip
from talkingface.evaluator.metrics.sync import FPS, sync_scores
from talkingface.model.losses import sync_loss
from talkingface.utils.device import autocast
from talkingface.utils.files import write_json, write_text

SHIFTS = range(-5, 6)
"""Frames by which the lips are made to come after their sound."""
MOST_PAIRS = 1024
"""Pairs that loss and accuracy are taken on, at most."""
BATCH = 16


@dataclass(frozen=True, kw_only=True)
class PackedVideo:
    """A packed clip as the sync scores see a video."""

    crops: np.ndarray
    """uint8 (N, S, S, 3) BGR."""
    present: np.ndarray
    """bool (N,)."""
    mel: np.ndarray
    """float32 (80, n)."""
    fps: float = FPS


def packed_video(clip: Clip, *, late: int = 0) -> PackedVideo:
    """Return a clip whose lips come `late` frames after their sound; negative is early."""
    crops, present = np.asarray(clip.frames), clip.present
    if late > 0:
        crops = np.concatenate([np.zeros_like(crops[:late]), crops])
        present = np.concatenate([np.zeros(late, np.bool_), present])
    return PackedVideo(crops=crops[max(-late, 0) :], present=present[max(-late, 0) :], mel=clip.mel)


def evaluate_expert(
    network: Any, dataset: Any, *, out_dir: Path, device: torch.device, precision: str, progress: bool = True
) -> list[str]:
    """Evaluate a sync expert on a dataset's clips and write expert.json and expert.md.

    Args:
        network: on `device`, in evaluation mode.
        dataset: held-out pairs, with `clips`.
        out_dir: made if it is not there.
        device: where the network is.
        precision: of loss and accuracy; offsets are found in float32.
        progress: show a bar.

    Returns:
        Lines of the result.
    """
    held_out = _pairs(network, dataset, device, precision)
    rows = []
    for clip in tqdm(dataset.clips, desc="evaluate", unit="clip", disable=not progress):
        found = {late: sync_scores(packed_video(clip, late=late), network, device) for late in SHIFTS}
        rows.append(_row(clip.name, found))
    lines = _lines(held_out, rows)
    write_json(out_dir / "expert.json", json.loads(json.dumps({"format": 1, **held_out, "clips": rows})))
    write_text(out_dir / "expert.md", "\n".join(["# Sync expert", "", *lines, "", *_table(rows)]) + "\n")
    return lines


@torch.inference_mode()
def _pairs(network: Any, dataset: Any, device: torch.device, precision: str) -> dict[str, float]:
    """Return means over held-out pairs, the first ones of the dataset's fixed order."""
    count = min(len(dataset), MOST_PAIRS)
    losses, right = 0.0, 0
    for first in range(0, count, BATCH):
        samples = [dataset[index] for index in range(first, min(first + BATCH, count))]
        batch = to_network(default_collate(samples), device)
        with autocast(device, precision):
            audio, face = network(batch[MELS], batch[FACE_WINDOW])
        losses += float(sync_loss(audio, face, batch[IN_SYNC])) * len(samples)
        says = F.cosine_similarity(audio.float(), face.float()) > 0.5
        right += int((says == (batch[IN_SYNC][:, 0] > 0.5)).sum())
    return {"pairs": count, "loss": losses / count, "accuracy": right / count}


def _row(name: str, found: dict[int, dict[str, float]]) -> dict[str, Any]:
    own = found[0]
    known = {late: int(one["offset"]) for late, one in found.items() if np.isfinite(one["offset"])}
    return {
        "name": name,
        "offset": known.get(0),
        "confidence": round(own["confidence"], 4) if np.isfinite(own["confidence"]) else None,
        "found": {str(late): known.get(late) for late in found},
        "shifts_found": sum(known.get(late) == late for late in found),
    }


def _lines(held_out: dict[str, float], rows: Sequence[dict[str, Any]]) -> list[str]:
    measured = [row for row in rows if row["offset"] is not None]
    zero = sum(row["offset"] == 0 for row in measured)
    shifts = sum(row["shifts_found"] for row in measured)
    confidence = float(np.mean([row["confidence"] for row in measured])) if measured else float("nan")
    return [
        f"{held_out['pairs']} held-out pairs: loss {held_out['loss']:.3f}, accuracy {held_out['accuracy']:.1%}",
        f"{len(rows)} clips: offset 0 found in {zero} of {len(measured)} that could be measured, "
        f"mean confidence {confidence:.3f}",
        f"shifted by {SHIFTS[0]} to {SHIFTS[-1]} frames: {shifts} of {len(SHIFTS) * len(measured)} found exactly",
    ]


def _table(rows: Sequence[dict[str, Any]]) -> list[str]:
    head = "| clip | " + " | ".join(f"{late:+d}" for late in SHIFTS) + " | confidence |"
    lines = ["Frames by which the lips were made late, and what the expert found:", "", head]
    lines.append("| --- |" + " ---: |" * (len(SHIFTS) + 1))
    for row in rows:
        cells = ["–" if row["found"][str(late)] is None else f"{row['found'][str(late)]:+d}" for late in SHIFTS]
        confidence = "–" if row["confidence"] is None else f"{row['confidence']:.3f}"
        lines.append(f"| {row['name']} | {' | '.join(cells)} | {confidence} |")
    return lines
