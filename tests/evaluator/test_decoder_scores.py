"""Faces of the HR decoder and of its Base against the real ones."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.evaluator.clip_result import ClipResult
from talkingface.evaluator.protocols.decoder import DecoderScores, decoder_table
from talkingface.generate import DrawnFace
from talkingface.utils.face.follow import FollowedFrame


def drawn(decoder: int | None, base: int | None) -> DrawnFace:
    """A real face of level 100 in its frame, and faces of these levels."""
    frame = np.zeros((100, 100, 3), np.uint8)
    frame[10:74, 20:84] = 100
    box = np.array([20, 10, 84, 74])
    return DrawnFace(
        frame=FollowedFrame(number=0, frame=frame, box=box.astype(np.float32), landmarks=None, found=True),
        box=box,
        face=None if decoder is None else np.full((64, 64, 3), decoder, np.uint8),
        base_face=None if base is None else np.full((32, 32, 3), base, np.uint8),
    )


def test_scores_by_hand():
    scores = DecoderScores()
    for one in (drawn(101, 110), drawn(100, 110), drawn(None, None), drawn(50, None)):
        scores(one)
    means = scores.means()
    assert means["decoder_psnr"] == pytest.approx((10 * np.log10(255**2) + 100) / 2)
    assert means["base_psnr"] == means["base_psnr_mouth"] == pytest.approx(10 * np.log10(255**2 / 100))
    assert set(means) == {f"{s}_{m}" for s in ("base", "decoder") for m in ("psnr", "psnr_mouth", "ssim", "ssim_mouth")}


def test_table():
    means = {f"{s}_{m}": 1.0 for s in ("base", "decoder") for m in ("psnr", "psnr_mouth", "ssim", "ssim_mouth")}
    lines = decoder_table([(True, means), (False, dict.fromkeys(means, 3.0)), (True, {})])
    assert lines[0] == ["", "clips", "PSNR", "PSNR mouth", "SSIM", "SSIM mouth"]
    assert lines[1] == ["HR decoder, all clips", "2", "2.00", "2.00", "2.000", "2.000"]
    assert [line[1] for line in lines[1:]] == ["2", "2", "1", "1", "1", "1"]
    assert decoder_table([(True, {})]) == []


def test_scores_of_before_are_read():
    """Evaluations once called the networks stages."""
    saved = {"name": "a/1", "stages": {"second_psnr": 20.0, "first_psnr_mouth": 21.0}}
    assert ClipResult.from_plain(saved).decoder == {"decoder_psnr": 20.0, "base_psnr_mouth": 21.0}
