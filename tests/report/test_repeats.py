"""Tables over several seeds, and the paired test over clips."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from finished_run import Page, clip

from talkingface.evaluator.metrics.registry import make_metrics
from talkingface.evaluator.summary import summarise
from talkingface.report.evaluation_facts import EvaluationFacts
from talkingface.report.facts import Facts
from talkingface.report.paired import holm, paired, wilcoxon
from talkingface.report.repeats import Repeats, repeats_table, seeds_table, write_repeats

NAMES = [f"s/{number}" for number in range(8)]


def facts(name: str, shift: float) -> Facts:
    """A run whose clips have r 0.40, 0.42, ... and `shift`."""
    clips = [clip(one, 0.4 + 0.02 * number + shift) for number, one in enumerate(NAMES)]
    found = EvaluationFacts(
        folder=Path("saved", name, "evaluation"), rows=summarise(clips), ranges={}, clips=clips, failed=[],
        not_measured={}, decoder=[], protocol={}, videos={}, without_partner=[],
    )  # fmt: skip
    lines = [{"step": step, "split": "valid", "loss": 1 / step} for step in (10, 40)]
    return Facts(name=name, run=Path("saved", name), lines=lines, evaluation=found)


@pytest.fixture
def groups() -> list[Repeats]:
    first = {seed: facts(f"M-toy-a{seed}", 0.01 * seed) for seed in (0, 1, 2)}
    second = {seed: facts(f"M-toy-b{seed}", 0.2 + 0.01 * seed) for seed in (0, 1, 2)}
    return [Repeats(title="as given", runs=first), Repeats(title="wide", runs=second)]


def line(lines: list[list[str]], title: str) -> list[str]:
    return next(one for one in lines if one[0].startswith(title))


def test_mean_and_deviation_of_the_seeds(groups: list[Repeats]):
    head, *_ = lines = repeats_table(groups[:1])
    assert head == ["", "as given, 3 seeds"]
    assert line(lines, "opening r")[1] == "0.480 ± 0.010", "0.47, 0.48, 0.49"
    assert line(lines, "validation loss")[1] == "0.0250 ± 0.0000"
    assert line(seeds_table(groups[0]), "opening r")[1:] == ["0.470", "0.480", "0.490"]


def test_two_configurations_are_held_against_each_other_clip_by_clip(groups: list[Repeats]):
    lines = repeats_table(groups)
    assert lines[0][-4:] == ["difference", "clips", "p", "p (Holm)"]
    found = line(lines, "opening r")
    assert found[3:6] == ["+0.200", "8", "0.008"], "all eight clips one way: p = 2 / 2^8"
    assert float(found[6]) >= 0.008
    assert line(lines, "validation loss")[4:] == ["–", "–", "–"], "no clips, no test"


def test_a_clip_counts_that_all_runs_have(groups: list[Repeats]):
    (metric,) = (one for one in make_metrics() if one.name == "opening_r")
    evaluations = [[one.evaluation for one in group.runs.values() if one.evaluation] for group in groups]
    evaluations[1][0].clips[2].failed = "no face"
    found = paired(*evaluations, metric)
    assert found is not None and found.pairs == 7
    assert paired(evaluations[0], [], metric) is None


def test_the_test_is_scipys_and_says_nothing_where_it_cannot():
    differences = np.array([0.3, -0.1, 0.4, 0.2, 0.5, -0.2, 0.6, 0.7])
    ranks = np.argsort(np.argsort(abs(differences))) + 1
    assert ranks[differences < 0].sum() in (3, 4), "the two small ones"
    p = wilcoxon(differences)
    assert p is not None and 0.02 < p < 0.06
    assert wilcoxon(np.array([0.1, 0.2, 0.3, 0.4, 0.5])) is None and wilcoxon(np.zeros(9)) is None


def test_holm_by_hand():
    assert holm([0.01, None, 0.04, 0.03]) == [pytest.approx(0.03), None, pytest.approx(0.06), pytest.approx(0.06)]
    assert holm([]) == []


def test_a_page_and_its_text(groups: list[Repeats], tmp_path: Path):
    path = write_repeats(tmp_path / "saved/repeat-x.html", groups, title="M on toy")
    page = Page(path)
    assert "learning_rate" not in page.text and "Wilcoxon" in page.text and "as given, seed 2" in page.text
    text = path.with_suffix(".md").read_text()
    assert re.search(r"^\| opening r ↑ \| 0\.480 ± 0\.010 \| 0\.680 ± 0\.010 \| \+0\.200 \| 8 \|", text, re.M)
