"""Pairs, rows and files."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from talkingface.evaluator.metrics.registry import make_metrics
from talkingface.evaluator.protocols.other_sound import cross_pairs
from talkingface.evaluator.report import by_reason, cell, ranges_text, text_table, write_reports
from talkingface.evaluator.results import ClipResult, EvalClip, cross_opening
from talkingface.evaluator.summary import intervals, summarise
from talkingface.utils.errors import UserError


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


def clip(name, real, made, *, seen=True, **model):
    scores = {"opening_r": float(np.corrcoef(real, made)[0, 1]), "opening_amplitude": np.std(made) / np.std(real)}
    return ClipResult(
        name=name, speaker_seen=seen, fps=25, frames=len(real), model={**scores, **model},
        real={"psnr": float("inf"), "opening_r": 1.0}, opening_real=list(real), opening_model=list(made),
        envelope=[0.1] * len(real),
    )  # fmt: skip


@pytest.fixture
def results():
    a = clip("a/1", [0.0, 0.2] * 5, [0.1, 0.2] * 5, psnr=30.0, opening_lag=0.0)
    b = clip("b/1", [0.0, 0.4] * 5, [0.4, 0.0] * 5, seen=False, psnr=20.0, opening_lag=15.0)
    c = clip("c/1", [0.0, 0.2] * 5, [0.0, 0.2] * 5, psnr=None, opening_lag=1.0)
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
    results = [clip(f"a/{k}", real, made) for k, (real, made) in enumerate(curves)]

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


def test_names_that_share_a_reason_are_one_line():
    assert by_reason({"a": "x", "b": "y", "c": "x"}) == [("a, c", "x"), ("b", "y")]


def test_cells():
    assert cell(0.93, 2, (0.9, 0.951)) == "0.93 [0.90, 0.95]"
    assert cell(1.0, 2, (0.999, 1.001)) == "1.00" and cell(None, 2) == "–" and cell(float("inf"), 1) == "∞"
    assert "No intervals" in ranges_text(2) and "bootstrap" in ranges_text(3)


def test_cross_opening_tells_listening_from_copying(results):
    rng = np.random.default_rng(0)
    face, sound = rng.random(50), rng.random(60)
    other = ClipResult(name="o", speaker_seen=True, fps=25, opening_real=list(sound))
    listens = ClipResult(name="l", speaker_seen=True, fps=25, opening_real=list(face), opening_cross=list(0.5 * sound))
    copies = ClipResult(name="c", speaker_seen=True, fps=25, opening_real=list(face), opening_cross=list(face))
    one, two = cross_opening(listens, other), cross_opening(copies, other)
    assert one["opening_r"] == pytest.approx(1) and one["opening_amplitude"] == pytest.approx(0.5)
    assert two["opening_r_face"] == pytest.approx(1) and abs(two["opening_r"]) < 0.4
    assert cross_opening(listens, results[3]) == {}


def test_files_can_be_read_by_others(results, tmp_path):
    metrics, rows = make_metrics(), summarise(results)
    report = {
        "rows": rows, "clips": 3, "not_measured": {"sync conf.": "no sync expert was given"},
        "failed": [{"name": "d/1", "reason": "no face"}],
    }  # fmt: skip
    write_reports(tmp_path, report, results, metrics)
    saved = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert saved["rows"]["real"]["psnr"] == "inf"
    low, high = saved["intervals"]["model"]["opening_r"]
    assert low <= saved["rows"]["model"]["opening_r"] <= high
    lines = list(csv.DictReader(io.StringIO((tmp_path / "metrics.csv").read_text())))
    assert [(one["row"], one["clip"]) for one in lines if one["psnr"] == "30.0" and one["clip"]] == [("model", "a/1")]
    assert next(one for one in lines if one["clip"] == "d/1")["failed"] == "no face"
    assert next(one for one in lines if one["row"] == "mean:model")["psnr"] == "25.0"
    text = (tmp_path / "evaluation.md").read_text()
    assert "not measured: sync conf." in text and "left out: d/1 (no face)" in text
    table = text_table(rows, metrics)
    assert "∞" in table and len({len(line) for line in table.splitlines()}) == 1


def test_results_survive_saving(results):
    for one in results:
        assert ClipResult.from_plain(json.loads(json.dumps(one.plain()))) == one


METRIC_TYPES = ("image", "no_reference", "landmark", "opening", "identity", "sync", "leakage")


def test_metrics_say_what_they_are():
    for one in make_metrics():
        assert one.__doc__ and one.metric_type in METRIC_TYPES
        assert one.smaller == (one.best == "lower")
    with pytest.raises(UserError, match="psnrr"):
        make_metrics(("psnrr",))


@pytest.mark.parametrize("name", ["../x", "/x", ""])
def test_clip_names_stay_in_the_folder(name, tmp_path):
    with pytest.raises(UserError, match="clip name"):
        EvalClip(name=name, video=tmp_path, speaker_seen=True)
