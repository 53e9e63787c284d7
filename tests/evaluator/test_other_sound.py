"""Whose sound each clip gets, and what its mouth follows."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.evaluator.clip_result import ClipResult
from talkingface.evaluator.protocols.other_sound import cross_pairs, opening_scores


def test_no_clip_is_its_own_partner_and_every_sound_is_used_once():
    for count in (2, 3, 7, 20):
        names = [f"s{k % 3}/{k:03d}" for k in range(count)]
        pairs = cross_pairs(names, seed=count)
        assert sorted(pairs) == sorted(pairs.values()) == sorted(names)
        assert all(name != other for name, other in pairs.items())
    assert cross_pairs(["a/1"], 0) == {}


def test_pairs_are_seeded_and_avoid_the_same_sentence():
    names = [f"{speaker}/{clip}" for speaker in "abc" for clip in ("001", "002", "003")]
    pairs = cross_pairs(names, 1)
    assert pairs == cross_pairs(list(reversed(names)), 1)
    assert all(name.split("/")[1] != other.split("/")[1] for name, other in pairs.items())


def test_cross_opening_tells_listening_from_copying():
    rng = np.random.default_rng(0)
    face, sound = rng.random(50), rng.random(60)
    other = ClipResult(name="o", speaker_seen=True, fps=25, opening_real=list(sound))
    listens = ClipResult(name="l", speaker_seen=True, fps=25, opening_real=list(face), opening_cross=list(0.5 * sound))
    copies = ClipResult(name="c", speaker_seen=True, fps=25, opening_real=list(face), opening_cross=list(face))
    one, two = opening_scores(listens, other), opening_scores(copies, other)
    assert one["opening_r"] == pytest.approx(1) and one["opening_amplitude"] == pytest.approx(0.5)
    assert two["opening_r_face"] == pytest.approx(1) and abs(two["opening_r"]) < 0.4
    assert opening_scores(listens, ClipResult(name="d/1", failed="no face")) == {}
