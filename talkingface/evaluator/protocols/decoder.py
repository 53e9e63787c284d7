"""Is the second stage worth having? Its faces and the first stage's, enlarged bicubically, against the real ones.

Taken on whole faces as they are drawn, before pasting and encoding, at the second stage's own size.
"""

# S side of the second stage's faces

from __future__ import annotations

from collections.abc import Callable, Iterable

import cv2
import numpy as np

from talkingface.evaluator.metrics.image import mouth_region, psnr, ssim
from talkingface.generate import DrawnFace
from talkingface.utils.face.crop import crop

MEASURES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "psnr": psnr,
    "psnr_mouth": lambda a, b: psnr(mouth_region(a), mouth_region(b)),
    "ssim": ssim,
    "ssim_mouth": lambda a, b: ssim(mouth_region(a), mouth_region(b)),
}
TITLES = {"psnr": "PSNR", "psnr_mouth": "PSNR mouth", "ssim": "SSIM", "ssim_mouth": "SSIM mouth"}
STAGES = {"second": "second stage", "first": "first stage, enlarged"}
EQUAL = 100.0
"""Stands for the PSNR of equal pictures."""
Scores = dict[str, float | None]


class StageScores:
    """Watches a clip being dubbed with its own sound, and compares each frame's faces with the real one."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}

    def __call__(self, drawn: DrawnFace) -> None:
        """Note one frame; those without a face, and models of one stage, are passed over."""
        if drawn.face is None or drawn.base_face is None or drawn.box is None:
            return
        side = drawn.face.shape[0]
        real = crop(drawn.frame.frame, drawn.box, side)
        enlarged = cv2.resize(drawn.base_face, (side, side), interpolation=cv2.INTER_CUBIC)
        for stage, face in (("second", drawn.face), ("first", enlarged)):
            for name, measure in MEASURES.items():
                self._values.setdefault(f"{stage}_{name}", []).append(min(measure(face, real), EQUAL))

    def means(self) -> Scores:
        """Mean over the frames of each, by `<stage>_<measure>`; empty for models of one stage."""
        return {name: float(np.mean(values)) for name, values in self._values.items()}


def stage_table(clips: Iterable[tuple[bool | None, Scores]]) -> list[list[str]]:
    """Heading and rows of text cells: both stages over all clips, over known speakers, over new ones.

    Args:
        clips: whether training has seen the speaker, and the clip's means.
    """
    clips = [clip for clip in clips if clip[1]]
    groups = {
        "all clips": [scores for _, scores in clips],
        "speakers seen in training": [scores for seen, scores in clips if seen],
        "new speakers": [scores for seen, scores in clips if not seen],
    }
    lines = [["", "clips", *TITLES.values()]]
    for group, scores in groups.items():
        for stage, title in STAGES.items() if scores else ():
            cells = [f"{_mean(scores, f'{stage}_{name}'):.{2 if 'psnr' in name else 3}f}" for name in MEASURES]
            lines.append([f"{title}, {group}", str(len(scores)), *cells])
    return lines if clips else []


def _mean(scores: list[Scores], name: str) -> float:
    return float(np.mean([value for one in scores if (value := one[name]) is not None]))
