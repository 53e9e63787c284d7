"""docs/metrics.md lists every metric with its direction and weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from talkingface.evaluator.metrics.registry import make_metrics

METRICS = make_metrics()

PAGE = Path(__file__).parents[2] / "docs/metrics.md"
BETTER = {"one": "1", "zero": "0"}


def rows() -> dict[str, list[str]]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {one[0].strip("`"): one for one in cells}


def test_the_page_lists_them_in_order():
    assert list(rows()) == [one.name for one in METRICS]


@pytest.mark.parametrize("metric", METRICS, ids=lambda one: one.name)
def test_a_row_says_what_the_class_says(metric):
    _, better, unit, region, weights, _ = rows()[metric.name]
    assert better == BETTER.get(metric.best, metric.best)
    assert unit.split(" ")[0] == metric.unit
    assert not metric.region or region == metric.region
    assert all(one.name in weights for one in metric.needs) or weights == "the same"
