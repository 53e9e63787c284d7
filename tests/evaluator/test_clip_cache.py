"""What an interrupted evaluation has left of a clip."""

from __future__ import annotations

import json

import pytest

from talkingface.evaluator.clip_job import ClipCache
from talkingface.evaluator.clip_result import ClipResult


def test_videos_and_scores_count_for_their_inputs_only(tmp_path):
    cache, video = ClipCache.open(tmp_path, "a/1"), tmp_path / "1.mp4"
    cache.add_video("own", "inputs", decoder={"base_psnr": 20.0})
    assert not cache.has_video("own", "inputs", video), "noted, but gone"
    video.write_bytes(b"")
    cache.add_result("all", ClipResult(name="a/1", model={"psnr": float("inf")}))
    again = ClipCache.open(tmp_path, "a/1")
    assert again.has_video("own", "inputs", video) and not again.has_video("own", "others", video)
    assert not again.has_video("cross", "inputs", video) and again.saved["decoder"] == {"base_psnr": 20.0}
    assert again.result("all").model == {"psnr": float("inf")} and again.result("other") is None


@pytest.mark.parametrize("why", [{"failed": "no face"}, {"cross_failed": "no sound"}])
def test_what_failed_is_tried_again(tmp_path, why):
    ClipCache.open(tmp_path, "a").add_result("all", ClipResult(name="a", **why))
    assert ClipCache.open(tmp_path, "a").result("all") is None


@pytest.mark.parametrize("text", ["{", "[1]", json.dumps({"score": "all"}), json.dumps({"score": "all", "result": 3})])
def test_a_damaged_file_holds_nothing(tmp_path, text):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips/a.json").write_text(text)
    cache = ClipCache.open(tmp_path, "a")
    assert cache.result("all") is None
    cache.add_video("own", "inputs")
    assert ClipCache.open(tmp_path, "a").saved["own"] == "inputs"
