"""One file that opens anywhere: whole, escaped, with its videos; and there where parts are missing."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from finished_run import EVIL, Page, clip, evaluation, run, video

from talkingface.chain.report import ReportStage
from talkingface.evaluator.clip_result import ClipResult
from talkingface.report import cards as cards_module
from talkingface.report import page
from talkingface.report.cards import best_and_worst
from talkingface.report.facts import read_facts
from talkingface.report.run_list import list_runs
from talkingface.report.run_report import is_up_to_date, write_report
from talkingface.report.svg_chart import Line, chart, nice
from talkingface.utils.errors import UserError
from talkingface.utils.media.video import probe


@pytest.fixture
def clips() -> list[ClipResult]:
    names = ("a/1", "a/2", "b/1", "b/2")
    found = [clip(name, 0.5 + 0.1 * k, seen=name[0] == "a", sound_from=names[k - 1]) for k, name in enumerate(names)]
    return [*found, ClipResult(name="c/1", speaker_seen=False, failed=f"no face {EVIL}")]


@pytest.fixture
def finished(tmp_path: Path, clips: list[ClipResult]) -> Path:
    folder = run(tmp_path / "saved", "M-toy-2", created="2026-01-02T10:00:00+00:00")
    evaluation(folder / "evaluation", clips)
    return folder


def test_a_run_is_one_file_without_addresses(finished: Path):
    path = write_report(finished)
    page = Page(path)
    assert path == finished / "report.html"
    assert all(one.startswith("data:") for one in page.addresses)
    source = path.read_text()
    assert not re.search(r"https?://|@import|url\(", re.sub(r"data:video/mp4;base64,[\w+/=]+", "", source))
    assert page.tags.count("video") == 4 * 3 and page.tags.count("script") == 1
    for word in (
        "M-toy-2",
        "real videos",
        "another clip's sound",
        "no sync expert was given",
        "2 January 2026",
        "best",
    ):
        assert word in page.text, word


def test_text_of_users_is_escaped(finished: Path):
    path = write_report(finished)
    page = Page(path)
    assert page.tags.count("script") == 1 and page.text.count(EVIL) >= 3, "reason, configuration, environment"
    assert "secret-host" not in path.read_text()


def test_videos_play_from_the_file(finished: Path, tmp_path: Path):
    page = Page(write_report(finished))
    data = [one for one in page.addresses if one.startswith("data:video/mp4;base64,")]
    out = tmp_path / "out.mp4"
    out.write_bytes(base64.b64decode(data[0].partition(",")[2]))
    info = probe(out)
    assert (info.frames, info.has_audio, info.width) == (10, True, 32)


def test_large_or_foreign_videos_are_encoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = video(tmp_path / "large.mp4", size=64, noise=True)
    assert page.embed_video(path).note == ""
    monkeypatch.setattr(page, "LARGE", 1000)
    monkeypatch.setattr(page, "SIDE", 32)
    monkeypatch.setattr(page, "SECONDS", 0.2)
    small = page.embed_video(path)
    assert small.note == "encoded again, 32×32, first 0.2 s" and small.size < path.stat().st_size
    (tmp_path / "small.mp4").write_bytes(base64.b64decode(small.uri.partition(",")[2]))
    assert probe(tmp_path / "small.mp4").frames == 5
    with pytest.raises(UserError, match="no such file"):
        page.embed_video(tmp_path / "gone.mp4")


def test_clips_beyond_the_limit_are_named(finished: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cards_module, "MOST", 2)
    page = Page(write_report(finished))
    assert page.tags.count("article") == 2 and "2 more clips" in page.text
    assert "a/2: evaluation/videos/a/2.mp4" in page.text and "b/1: evaluation/videos/b/1.mp4" in page.text


def test_a_missing_video_is_said(finished: Path):
    (finished / "evaluation/videos/a/1.mp4").unlink()
    page = Page(write_report(finished))
    assert "a/1.mp4: no such file" in page.text and page.tags.count("video") == 11


def test_earlier_runs_stand_beside(finished: Path, clips: list[ClipResult]):
    older = run(finished.parent, "M-toy-1", created="2026-01-01T10:00:00+00:00")
    evaluation(older / "evaluation", clips[:2])
    page = Page(write_report(finished))
    assert "Against earlier runs of toy" in page.text and "M-toy-1" in page.text
    assert "not all evaluated on the same clips" in page.text
    assert "Against earlier" not in Page(write_report(older)).text, "the other one came later"
    text = (finished / "report.md").read_text()
    assert "| M-toy-1 |" in text and "[1.mp4](<evaluation/videos/a/1.mp4>)" in text


def test_a_run_without_an_evaluation_and_an_evaluation_without_a_run(tmp_path: Path, clips: list[ClipResult]):
    alone = run(tmp_path / "saved", "M-toy-3", created="2026-01-02T10:00:00+00:00")
    page = Page(write_report(alone))
    assert "No evaluation was found" in page.text and "Training" in page.text
    folder = evaluation(tmp_path / "saved/evaluation-x", clips[:1])
    page = Page(write_report(None, folder))
    assert page.tags.count("video") == 3 and "too few" in page.text and "Configuration" not in page.text


def test_a_damaged_neighbour_does_not_stop_a_report(
    finished: Path, clips: list[ClipResult], caplog: pytest.LogCaptureFixture
):
    older = run(finished.parent, "M-toy-1", created="2026-01-01T10:00:00+00:00")
    evaluation(older / "evaluation", clips[:2])
    (older / "evaluation/metrics.json").write_text('{"rows": {}}')
    assert "Against earlier" not in Page(write_report(finished)).text
    assert "made by another version" in caplog.text
    assert "M-toy-1 is passed over" in list_runs(str(finished.parent))[-1]


DAMAGE = {
    "status.json": "{",
    "status.json ": '{"created": "yesterday"}',
    "status.json  ": '{"created": "2026-01-01", "steps": "many"}',
    "metrics.jsonl": "{broken\n",
    "config.yaml": "a: [",
    "environment.json": "[1]",
    "evaluation/expert.json": "[1]",
}


@pytest.mark.parametrize("file", DAMAGE)
def test_one_damaged_run_is_named_and_the_others_are_listed(finished: Path, clips: list[ClipResult], file: str):
    older = run(finished.parent, "M-toy-1", created="2026-01-01T10:00:00+00:00")
    evaluation(older / "evaluation", clips[:2])
    (older / file.strip()).write_text(DAMAGE[file])
    *_, line, problem = list_runs(str(finished.parent))
    assert line.startswith("2 ") and "M-toy-1" in problem and "passed over" in problem
    assert "Against earlier" not in Page(write_report(finished)).text, "and a report is written without it"


def test_a_new_kind_of_data_file_makes_a_new_report(finished: Path):
    write_report(finished)
    assert is_up_to_date(finished, None)
    (finished / "events.jsonl").write_text('{"step": 1}\n')
    assert not is_up_to_date(finished, None)
    write_report(finished)
    (finished / "evaluation/other.json").write_text("{}")
    assert not is_up_to_date(finished, None)


def test_videos_are_found_from_the_evaluation_s_folder(finished: Path, tmp_path: Path):
    """As an evaluation notes them, so that a moved project finds them; older ones noted them as they were given."""
    path = finished / "evaluation/metrics.json"
    saved = json.loads(path.read_text())
    for name, both in saved["videos"].items():
        saved["videos"][name] = [os.path.relpath(one, path.parent) for one in both]
    path.write_text(json.dumps(saved))
    moved = shutil.move(tmp_path, tmp_path.with_name(tmp_path.name + "-moved"))
    facts = read_facts(Path(moved) / finished.relative_to(tmp_path))
    assert all(facts.evaluation.real(one).is_file() for one in facts.evaluation.good)
    shutil.move(moved, tmp_path)


def test_the_cross_row_of_before_is_pooled_when_it_is_read(finished: Path):
    """Sounds of spread 0.1 and 0.3, mouths of 0.1: once the mean of 1 and 1/3; without curves that stays."""
    path = finished / "evaluation/metrics.json"
    saved = json.loads(path.read_text())
    quiet, loud = saved["per_clip"][:2]
    quiet |= {"opening_real": [0.0, 0.2] * 5, "sound_from": loud["name"], "opening_cross": [0.0, 0.2] * 5}
    loud |= {"opening_real": [0.0, 0.6] * 5, "sound_from": quiet["name"], "opening_cross": [0.0, 0.2] * 5}
    saved["per_clip"] = [quiet, loud]
    for one, ratio in ((quiet, 1 / 3), (loud, 1.0)):
        one["cross"] = {"opening_r": 1.0, "opening_amplitude": ratio}
    saved["rows"]["cross"] = {"clips": 2, "opening_r": 1.0, "opening_amplitude": 2 / 3}
    path.write_text(json.dumps(saved))
    row = read_facts(finished).evaluation.rows["cross"]
    assert row["opening_amplitude"] == pytest.approx((0.02 / 0.1) ** 0.5)
    assert row["opening_amplitude_mean"] == pytest.approx(2 / 3)
    for one in saved["per_clip"]:
        del one["opening_cross"]
    path.write_text(json.dumps(saved))
    assert read_facts(finished).evaluation.rows["cross"] == saved["rows"]["cross"]


def test_what_an_evaluation_of_two_folders_says(finished: Path):
    path = finished / "evaluation/metrics.json"
    saved = json.loads(path.read_text())
    saved["per_clip"][0]["note"] = "30 and 25 fps"
    path.write_text(json.dumps({**saved, "without_partner": ["2 real videos without a generated one"]}))
    page = Page(write_report(finished))
    text = (finished / "report.md").read_text()
    assert all("30 and 25 fps" in one and "without a generated one" in one for one in (page.text, text))


@pytest.mark.parametrize("key", ["decoder", "stages"])
def test_the_decoder_has_a_table(finished: Path, key: str):
    """`stages` is what evaluations of before called it."""
    path = finished / "evaluation/metrics.json"
    saved = json.loads(path.read_text())
    del saved["decoder"]
    table = [["", "clips", "PSNR"], ["HR decoder, all clips", "4", "31.00"]]
    path.write_text(json.dumps({**saved, key: table}))
    assert "HR decoder, all clips" in Page(write_report(finished)).text
    assert "HR decoder, all clips" in (finished / "report.md").read_text()


def test_an_expert_has_its_shifts(tmp_path: Path):
    folder = run(tmp_path / "saved", "S-toy-1", created="2026-01-02T10:00:00+00:00")
    row = {"name": "a/1", "offset": 0, "confidence": 0.4, "found": {"-1": -1, "0": 0, "1": None}, "shifts_found": 2}
    other = {**row, "name": "b/1", "offset": None, "confidence": None}
    (folder / "evaluation").mkdir()
    report = {"format": 1, "pairs": 9, "loss": 0.2, "accuracy": 0.9, "clips": [row, other]}
    (folder / "evaluation/expert.json").write_text(json.dumps(report))
    page = Page(write_report(folder))
    assert "90.0%" in page.text and "2 of 3" in page.text and "No evaluation" not in page.text


def test_the_stage_writes_once(finished: Path):
    stage = ReportStage(evaluation=lambda: None, run=lambda: finished).stage()
    assert stage.look().todo
    assert "report.html" in str(stage.work())
    assert not stage.look().todo and is_up_to_date(finished, None)
    with (finished / "metrics.jsonl").open("a") as file:
        file.write('{"step": 50, "split": "train", "loss": 0.1}\n')
    assert stage.look().todo
    assert ReportStage(evaluation=lambda: None).stage().look().todo, "a plan before there is a run"


def test_an_evaluation_on_other_data_has_a_report_of_its_own(finished: Path, clips: list[ClipResult]):
    other = evaluation(finished / "evaluation-other-1", clips[:2], dataset="other")
    reported = ReportStage(evaluation=lambda: other)
    reported.stage().work()
    assert reported.path == other / "report.html" and not (finished / "report.html").exists()
    page = Page(other / "report.html")
    assert "dataset other" in page.text and "Training" in page.text


def test_order_of_clips():
    clips = [clip(str(k), 0.5) for k in range(5)]
    assert [one.name for one in best_and_worst(clips)] == ["0", "4", "1", "3", "2"]


def test_charts_by_hand():
    box = chart("x", [Line(name="a", x=[0, 5, 10], y=[0.0, float("nan"), 1.0], style="s")], y_from=0.0)
    assert box.paths == [("a", "s", "M0.0 100.00M1000.0 4.76")], "a gap where there is no number"
    assert [one.text for one in box.x_ticks] == ["0", "2", "4", "6", "8", "10"]
    assert chart("x", [Line(name="a", x=[1, 2], y=[1, 100], style="s")], may_be_log=True).title == "x (log)"
    assert chart("x", [Line(name="a", x=[1], y=[3], style="s")]).y_ticks, "one point"
    assert nice(0, 1, 4) == pytest.approx([0, 0.5, 1]) and nice(2, 2, 4) == [2]
