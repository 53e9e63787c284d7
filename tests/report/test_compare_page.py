"""Runs side by side."""

from __future__ import annotations

from pathlib import Path

import pytest
from finished_run import Page, clip, evaluation, run

from talkingface.cli.program import main
from talkingface.report.compare import compare
from talkingface.utils.errors import UserError


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for number, rate in ((1, 0.001), (2, 0.002)):
        created = f"2026-01-0{number}T10:00:00+00:00"
        folder = run(Path("saved"), f"M-toy-{number}", created=created, learning_rate=rate)
        evaluation(folder / "evaluation", [clip(name, 0.4 + 0.1 * number) for name in ("a/1", "a/2", "b/1")])
    run(Path("saved"), "M-toy-3", created="2026-01-03T10:00:00+00:00", learning_rate=0.001)
    return tmp_path / "saved"


def test_a_page_of_two_runs(saved: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["compare", "saved/M-toy-1", "M-toy-2"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == "saved/compare-M-toy-1-and-M-toy-2.html"
    assert out[0].split() == ["key", "1", "2"] and out[1].split() == ["learning_rate", "0.001", "0.002"]
    assert any(line.startswith("validation loss") for line in out) and any(line.startswith("opening r") for line in out)
    page = Page(Path(out[-1]))
    assert all(one.startswith("data:") for one in page.addresses)
    # nine real and generated pictures: the two evaluations wrote the same real files
    assert page.tags.count("video") == 9 and page.tags.count("article") == 3
    source = Path(out[-1]).read_text()
    assert "0.002" in page.text and "model.note" not in page.text, "differences only"
    assert 'class="valid run1"' in source and 'class="train run2"' in source


def test_runs_without_an_evaluation_can_be_compared(saved: Path):
    done = compare(["saved/M-toy-1", "saved/M-toy-3"], "saved")
    page = Page(done.path)
    assert page.tags.count("video") == 0 and "Nothing that changes the result." in page.text
    assert "opening r" in done.table and "Not evaluated: 3." in page.text


def test_the_page_begins_with_what_differs_and_has_runs_without_an_evaluation(saved: Path):
    """Two that nobody evaluated: their validation is on the page, and in the terminal's table."""
    run(saved, "M-toy-4", created="2026-01-04T10:00:00+00:00", learning_rate=0.004, steps=20)
    done = compare(["M-toy-3", "M-toy-4"], "saved")
    source = done.path.read_text()
    order = [source.index(f'<section id="{name}">') for name in ("config", "training", "losses")]
    assert order == sorted(order) and '<section id="metrics">' not in source
    lines = {line.split("  ")[0]: line.split()[-2:] for line in done.table.splitlines() if line}
    assert lines["learning_rate"] == ["0.001", "0.004"] and lines["steps"] == ["40", "20"]
    assert lines["validation loss"] == ["0.025", "0.05"]


def test_a_dry_run_has_the_table_and_writes_no_page(saved: Path):
    before = sorted(saved.rglob("*"))
    dry = compare(["saved/M-toy-1", "M-toy-2"], "saved", dry_run=True)
    assert sorted(saved.rglob("*")) == before
    assert dry == compare(["saved/M-toy-1", "M-toy-2"], "saved") and dry.path.is_file()


@pytest.mark.parametrize(
    ("names", "message"), [(["M-toy-1"], "2 to 6"), (["M-toy-1", "M-toy-1"], "2 to 6"), (["M-toy-1", "x"], "M-toy-2")]
)
def test_what_cannot_be_compared(saved: Path, names: list[str], message: str):
    with pytest.raises(UserError, match=message):
        compare(names, "saved")


def test_runs_are_found_by_the_end_of_their_names(saved: Path):
    assert compare(["1", "toy-2"], "saved", dry_run=True) == compare(["M-toy-1", "M-toy-2"], "saved", dry_run=True)
    (saved / "M-toy-3").rename(saved / "N-1")
    with pytest.raises(UserError, match=r"1: which one\? N-1, M-toy-1"):
        compare(["1", "M-toy-2"], "saved", dry_run=True)
