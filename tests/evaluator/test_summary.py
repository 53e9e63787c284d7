"""Rows and their intervals, by hand and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from videos import clip_result

from talkingface.evaluator.clip_result import ClipResult
from talkingface.evaluator.protocols.other_sound import compare_openings
from talkingface.evaluator.summary import intervals, summarise


@pytest.fixture
def results():
    a = clip_result("a/1", [0.0, 0.2] * 5, [0.1, 0.2] * 5, psnr=30.0, opening_lag=0.0)
    b = clip_result("b/1", [0.0, 0.4] * 5, [0.4, 0.0] * 5, seen=False, psnr=20.0, opening_lag=15.0)
    c = clip_result("c/1", [0.0, 0.2] * 5, [0.0, 0.2] * 5, psnr=None, opening_lag=1.0)
    return [a, b, c, ClipResult(name="d/1", speaker_seen=True, failed="no face")]


def test_rows_by_hand(results):
    rows = summarise(results)
    assert (rows["model"]["clips"], rows["seen"]["clips"], rows["new"]["clips"]) == (3, 2, 1)
    assert "cross" not in rows
    assert rows["model"]["opening_r"] == pytest.approx((1 - 1 + 1) / 3)
    assert rows["model"]["psnr"] == 25 and rows["real"]["psnr"] == float("inf")
    assert rows["model"]["opening_lag"] == 1, "a median"
    assert rows["model"]["opening_amplitude_mean"] == pytest.approx((0.5 + 1 + 1) / 3)
    # squared amplitudes about the mean: made 0.05, 0.2, 0.1; real 0.1, 0.2, 0.1
    assert rows["model"]["opening_amplitude"] == pytest.approx(np.sqrt((0.0025 + 0.04 + 0.01) / (0.01 + 0.04 + 0.01)))
    pooled = (0.05 * 0.1 - 0.2 * 0.2 + 0.01) / np.sqrt((0.0025 + 0.04 + 0.01) * (0.01 + 0.04 + 0.01))
    assert rows["model"]["opening_r_pooled"] == pytest.approx(pooled)


def test_intervals_agree_with_scipy():
    """Resamples differ, so the ends agree within their own noise, a few hundredths of the interval."""
    from scipy.stats import bootstrap

    rng = np.random.default_rng(4)
    results = [ClipResult(name=f"a/{k}", speaker_seen=True, model={"psnr": p, "opening_lag": round(p)})
               for k, p in enumerate(rng.normal(30, 2, 24))]  # fmt: skip
    found = intervals(results)["model"]
    for key, statistic in (("psnr", np.mean), ("opening_lag", np.median)):
        values = [one.model[key] for one in results]
        theirs = bootstrap((values,), statistic, method="percentile", n_resamples=20000, rng=1).confidence_interval
        assert found[key] == pytest.approx(tuple(theirs), abs=0.15 if key == "psnr" else 0.5)
    assert found == intervals(results)["model"], "seeded"


def test_pooled_intervals_are_pooled_again_for_each_resample():
    from scipy.stats import bootstrap

    rng = np.random.default_rng(5)
    curves = [(rng.random(40), rng.random(40) * k) for k in range(1, 13)]
    results = [clip_result(f"a/{k}", real, made) for k, (real, made) in enumerate(curves)]

    def pooled(which):
        return summarise([results[int(k)] for k in which])["model"]["opening_amplitude"]

    theirs = bootstrap((np.arange(12),), pooled, method="percentile", n_resamples=2000, rng=1, vectorized=False)
    theirs = theirs.confidence_interval
    low, high = intervals(results)["model"]["opening_amplitude"]
    assert (low, high) == pytest.approx(tuple(theirs), rel=0.05)
    assert low < summarise(results)["model"]["opening_amplitude"] < high


def test_no_interval_for_two_clips_or_infinite_values(results):
    assert "seen" in summarise(results) and intervals(results)["seen"] == {}
    assert "psnr" not in intervals(results)["real"]
    assert "psnr" not in intervals(results)["model"], "only two clips have one"


def dubbed_with(sound: ClipResult, opening: list[float], name: str, *, fps: float = 25) -> ClipResult:
    """A clip with another's sound; the mouth opens so."""
    one = ClipResult(name=name, speaker_seen=True, fps=fps, sound_from=sound.name)
    one.opening_cross, one.opening_real = list(opening), [0.0, 1.0] * (len(opening) // 2)
    return one


def test_the_cross_row_pools_its_amplitude_like_the_others():
    """Sounds of spread 0.1 and 0.3 are followed by mouths of 0.1 and 0.1: pooled, not the mean of 1 and 1/3."""
    quiet = clip_result("quiet", [0.0, 0.2] * 5, [0.0, 0.2] * 5)
    loud = clip_result("loud", [0.0, 0.6] * 5, [0.0, 0.6] * 5)
    made = [dubbed_with(quiet, [0.0, 0.2] * 5, "one"), dubbed_with(loud, [0.2, 0.0] * 5, "two")]
    compare_openings([quiet, loud, *made])
    row = summarise([quiet, loud, *made])["cross"]
    assert row["clips"] == 2
    assert row["opening_amplitude"] == pytest.approx(np.sqrt((0.01 + 0.01) / (0.01 + 0.09)))
    assert row["opening_amplitude_mean"] == pytest.approx((1 + 1 / 3) / 2)
    assert row["opening_r"] == pytest.approx(0), "1 and -1"
    assert row["opening_r_pooled"] == pytest.approx((0.01 - 0.03) / np.sqrt(0.02 * 0.1))


def test_the_sound_s_opening_is_taken_at_equal_times():
    """At 50 fps every other frame of a ramp lies between two of 25 fps; the last one lies past its end."""
    sound = clip_result("sound", [0.1 * k for k in range(10)], [0.0, 0.2] * 5)
    made = dubbed_with(sound, [0.05 * k for k in range(20)], "made", fps=50)
    compare_openings([sound, made])
    row = summarise([sound, made])["cross"]
    assert row["opening_amplitude"] == pytest.approx(1) and row["opening_r"] == pytest.approx(1)


def test_intervals_of_the_cross_row_are_of_the_pooled_value():
    rng = np.random.default_rng(3)
    sounds = [clip_result(f"s{k}", rng.random(30) * k, rng.random(30)) for k in range(1, 9)]
    made = [dubbed_with(one, list(rng.random(30)), f"m{one.name}") for one in sounds]
    compare_openings([*sounds, *made])
    row, ends = summarise([*sounds, *made])["cross"], intervals([*sounds, *made])["cross"]
    assert ends["opening_amplitude"][0] < row["opening_amplitude"] < ends["opening_amplitude"][1]
    low, high = ends["opening_amplitude_mean"]
    assert low < row["opening_amplitude_mean"] < high and row["opening_amplitude_mean"] > row["opening_amplitude"]


def test_a_cross_row_without_curves_keeps_the_mean_of_ratios():
    old = [ClipResult(name=name, cross={"opening_amplitude": value}) for name, value in (("a", 0.5), ("b", 0.7))]
    assert summarise(old)["cross"] == {"clips": 2, "opening_amplitude": pytest.approx(0.6)}
