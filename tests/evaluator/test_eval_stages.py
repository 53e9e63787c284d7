"""Both stages' faces against the real ones."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.evaluator.protocols.decoder import StageScores, stage_table
from talkingface.generate.synthesizer import DrawnFace
from talkingface.utils.face.follow import FollowedFrame


def drawn(second: int | None, first: int | None) -> DrawnFace:
    """A real face of level 100 in its frame, and faces of these levels."""
    frame = np.zeros((100, 100, 3), np.uint8)
    frame[10:74, 20:84] = 100
    box = np.array([20, 10, 84, 74])
    return DrawnFace(
        frame=FollowedFrame(number=0, frame=frame, box=box.astype(np.float32), landmarks=None, found=True),
        box=box,
        face=None if second is None else np.full((64, 64, 3), second, np.uint8),
        first=None if first is None else np.full((32, 32, 3), first, np.uint8),
    )


def test_scores_by_hand():
    scores = StageScores()
    for one in (drawn(101, 110), drawn(100, 110), drawn(None, None), drawn(50, None)):
        scores(one)
    means = scores.means()
    assert means["second_psnr"] == pytest.approx((10 * np.log10(255**2) + 100) / 2)
    assert means["first_psnr"] == means["first_psnr_mouth"] == pytest.approx(10 * np.log10(255**2 / 100))
    assert set(means) == {f"{s}_{m}" for s in ("first", "second") for m in ("psnr", "psnr_mouth", "ssim", "ssim_mouth")}


def test_table():
    means = {f"{s}_{m}": 1.0 for s in ("first", "second") for m in ("psnr", "psnr_mouth", "ssim", "ssim_mouth")}
    lines = stage_table([(True, means), (False, dict.fromkeys(means, 3.0)), (True, {})])
    assert lines[0] == ["", "clips", "PSNR", "PSNR mouth", "SSIM", "SSIM mouth"]
    assert lines[1] == ["second stage, all clips", "2", "2.00", "2.00", "2.000", "2.000"]
    assert [line[1] for line in lines[1:]] == ["2", "2", "1", "1", "1", "1"]
    assert stage_table([(True, {})]) == []
