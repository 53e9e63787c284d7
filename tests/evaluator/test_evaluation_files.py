"""Tables and files of an evaluation, and what is read back from them."""

from __future__ import annotations

import csv
import io
import json

import pytest
from videos import clip_result

from talkingface.evaluator.clip_result import ClipResult, EvalClip
from talkingface.evaluator.evaluation import write_files
from talkingface.evaluator.metrics.registry import make_metrics
from talkingface.evaluator.summary import summarise
from talkingface.evaluator.tables import aligned, by_reason, cell, ranges_text, table
from talkingface.utils.errors import UserError


@pytest.fixture
def results():
    a = clip_result("a/1", [0.0, 0.2] * 5, [0.1, 0.2] * 5, psnr=30.0)
    b = clip_result("b/1", [0.0, 0.4] * 5, [0.4, 0.0] * 5, seen=False, psnr=20.0)
    c = clip_result("c/1", [0.0, 0.2] * 5, [0.0, 0.2] * 5, psnr=None)
    return [a, b, c, ClipResult(name="d/1", speaker_seen=True, failed="no face")]


def test_names_that_share_a_reason_are_one_line():
    assert by_reason({"a": "x", "b": "y", "c": "x"}) == [("a, c", "x"), ("b", "y")]


def test_cells():
    assert cell(0.93, 2, (0.9, 0.951)) == "0.93 [0.90, 0.95]"
    assert cell(1.0, 2, (0.999, 1.001)) == "1.00" and cell(None, 2) == "–" and cell(float("inf"), 1) == "∞"
    assert "No intervals" in ranges_text(2) and "bootstrap" in ranges_text(3)


def test_files_can_be_read_by_others(results, tmp_path):
    metrics, rows = make_metrics(), summarise(results)
    report = {
        "rows": rows, "clips": 3, "not_measured": {"sync conf.": "no sync expert was given"},
        "failed": [{"name": "d/1", "reason": "no face"}],
    }  # fmt: skip
    write_files(tmp_path, report, results, metrics)
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
    shown = aligned(table(rows, metrics))
    assert "∞" in shown and len({len(line) for line in shown.splitlines()}) == 1


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
