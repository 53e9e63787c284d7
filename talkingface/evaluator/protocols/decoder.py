"""Is the HR decoder worth having? Its faces and its Base's, enlarged bicubically, against the real ones.

Taken on whole faces as they are drawn, before pasting and encoding, at the decoder's own size.
"""

# S side of the decoder's faces

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from talkingface.evaluator.clip_result import Scores
from talkingface.evaluator.metrics.image import picture_scores
from talkingface.generate import DrawnFace
from talkingface.utils.face.crop import crop

TITLES = {"psnr": "PSNR", "psnr_mouth": "PSNR mouth", "ssim": "SSIM", "ssim_mouth": "SSIM mouth"}
NETWORKS = {"decoder": "HR decoder", "base": "Base, enlarged"}


class DecoderScores:
    """Watches a clip being dubbed with its own sound, and compares each frame's faces with the real one."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}

    def __call__(self, drawn: DrawnFace) -> None:
        """Note one frame; those without a face, and models without a decoder, are passed over."""
        if drawn.face is None or drawn.base_face is None or drawn.box is None:
            return
        side = drawn.face.shape[0]
        real = crop(drawn.frame.frame, drawn.box, side)
        enlarged = cv2.resize(drawn.base_face, (side, side), interpolation=cv2.INTER_CUBIC)
        for network, face in (("decoder", drawn.face), ("base", enlarged)):
            for name, value in picture_scores(face, real).items():
                self._values.setdefault(f"{network}_{name}", []).append(value)

    def means(self) -> Scores:
        """Return the mean over the frames of each, by `<network>_<score>`; empty for models without a decoder."""
        return {name: float(np.mean(values)) for name, values in self._values.items()}


def decoder_table(clips: Iterable[tuple[bool | None, Scores]]) -> list[list[str]]:
    """Return heading and rows of text cells: both networks over all clips, over known speakers, over new ones.

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
        for network, title in NETWORKS.items() if scores else ():
            cells = [f"{_mean(scores, f'{network}_{name}'):.{2 if 'psnr' in name else 3}f}" for name in TITLES]
            lines.append([f"{title}, {group}", str(len(scores)), *cells])
    return lines if clips else []


def _mean(scores: list[Scores], name: str) -> float:
    return float(np.mean([value for one in scores if (value := one[name]) is not None]))
