"""docs/metrics.md lists every metric with its direction and weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from talkingface.evaluator.metrics.registry import make_metrics
from talkingface.utils.errors import UserError

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


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (("LSE", "SSIM"), ["lse_d", "lse_c", "ssim"]),
        (("LSE-C", "lse", "Psnr"), ["lse_c", "lse_d", "psnr"]),
        (("lpips_mouth",), ["lpips_mouth"]),
    ],
)
def test_names_as_papers_write_them(given: tuple[str, ...], meant: list[str]):
    assert [one.name for one in make_metrics(given)] == meant


def test_an_unknown_name_is_named_as_it_was_given():
    with pytest.raises(UserError, match="metrics: PSNRR unknown; did you mean psnr"):
        make_metrics(("PSNRR",))
