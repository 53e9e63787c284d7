"""`compare RUN RUN...`: one page on which runs stand side by side, and their table for a terminal.

`list --runs`: what has been trained, in one table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from talkingface.evaluator.report import ARROWS, aligned, cell, ranges_text
from talkingface.evaluator.results import ClipResult
from talkingface.evaluator.summary import ROWS
from talkingface.report import tables, words
from talkingface.report.cards import Card, best_and_worst, ranked, shot
from talkingface.report.charts import loss_charts, opening_chart
from talkingface.report.facts import Measured, read_facts
from talkingface.report.page import write_page
from talkingface.trainer.run_folder import find_runs
from talkingface.utils.errors import UserError
from talkingface.utils.logger import clock

MOST_RUNS = 6
"""Runs that a page can tell apart by colour."""
MOST_CLIPS = 6
"""Clips shown side by side."""
LONGEST = 120
"""Letters of a page's name; longer ones are shortened to a hash."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What was written."""

    path: Path
    table: str
    """Metrics of all clips, as text."""


def compare(names: Sequence[str], saved_dir: str, *, dry_run: bool = False) -> Comparison:
    """Write a page about several runs.

    Args:
        names: folders of runs, or their names under `saved_dir`.
        saved_dir: gets the page, compare-<names>.html.
        dry_run: write nothing, only make the table.

    Raises:
        UserError: fewer than two runs, more than six, or one that is not there.
    """
    folders = list(dict.fromkeys(_folder(one, saved_dir) for one in names))
    if not 2 <= len(folders) <= MOST_RUNS:
        raise UserError(f"compare: wanted 2 to {MOST_RUNS} different runs, got {len(folders)}")
    facts = [read_facts(one) for one in folders]
    runs = list(zip(_titles(folders), facts, strict=True))
    measured = [(title, one.measured) for title, one in runs if one.measured is not None]
    path = Path(saved_dir, f"compare-{_page_name(folders)}.html")
    if not dry_run:
        parts = {name: tables.runs_table(runs, row=row) for row, name in ROWS.items() if row != "real"}
        metrics = [(name, lines) for name, lines in parts.items() if lines]
        write_page(
            path, "compare.html", runs=[(title, one, words.subtitle(one)) for title, one in runs], metrics=metrics,
            arrows=ARROWS, ranges=ranges_text(min((len(one.good) for _, one in measured), default=0)),
            same_clips=tables.same_clips(facts), cards=_cards(measured), differences=tables.differences(runs),
            losses=loss_charts({title: one.lines for title, one in runs}),
        )  # fmt: skip
    table = tables.runs_table(runs) or tables.differences(runs)
    return Comparison(path=path, table=aligned(table))


def _folder(name: str, saved_dir: str) -> Path:
    for path in (Path(name), Path(saved_dir, name)):
        if (path / "status.json").is_file() or (path / "config.yaml").is_file():
            return path.resolve()
    known = [run.name for run in find_runs(saved_dir)]
    raise UserError(f"compare: {name}: no such run; in {saved_dir}/ are {', '.join(known) or 'none'}")


def _titles(folders: list[Path]) -> list[str]:
    """The runs' names; with their parents' where two are of one name."""
    names = [one.name for one in folders]
    return [one.name if names.count(one.name) == 1 else str(one) for one in folders]


def _page_name(folders: list[Path]) -> str:
    joined = "-and-".join(one.name for one in folders)
    return joined if len(joined) <= LONGEST else hashlib.sha256(joined.encode()).hexdigest()[:12]


def _cards(measured: list[tuple[str, Measured]]) -> list[Card]:
    """The clips that all evaluated runs have, best and worst of the first run first."""
    if len(measured) < 2:
        return []
    clips = [{clip.name: clip for clip in one.good} for _, one in measured]
    order, by = ranked(measured[0][1])
    shared = [clip.name for clip in best_and_worst(order) if all(clip.name in one for one in clips)]
    cards = []
    for name in shared:
        own = [(title, one, found[name]) for (title, one), found in zip(measured, clips, strict=True)]
        if len({one.real(clip) for _, one, clip in own}) > 1:
            continue  # of one name, but not the same video
        figures = [(f"{title}: {by.title}", cell(clip.model.get(by.name), by.digits)) for title, _, clip in own if by]
        cards.append(_card(own, figures))
        if len(cards) == MOST_CLIPS:
            break
    return cards


def _card(own: list[tuple[str, Measured, ClipResult]], figures: list[tuple[str, str]]) -> Card:
    _, first, clip = own[0]
    shots = [shot("real", "real", first.real(clip))]
    shots += [shot(title, "made" if one is first else "other", one.made(found)) for title, one, found in own]
    curves = {title: found.opening_model for title, _, found in own}
    chart = opening_chart(clip, curves, first.made(clip))
    return Card(
        name=clip.name, rank="", speaker="", shots=[one for one in shots if one is not None],
        charts=[chart] if chart else [], figures=figures,
    )  # fmt: skip


HEAD = ["run", "model", "dataset", "profile", "steps", "time", "state", "valid loss", "clips"]


def list_runs(saved_dir: str) -> list[str]:
    """A heading and a line for each run: by dataset and model, the newest first; main metrics of those evaluated."""
    from talkingface.evaluator.metrics.registry import make_metrics
    from talkingface.evaluator.report import aligned, cell, heading
    from talkingface.report.facts import Facts, read_facts
    from talkingface.report.words import TILES

    found, problems = [], []
    for one in find_runs(saved_dir):
        try:
            found.append(read_facts(one.path))
        except UserError as error:
            problems.append(f"left out: {error}")
    if not found and not problems:
        return [f"no runs in {saved_dir}/"]
    runs = sorted(found, key=lambda one: (one.dataset, one.model))  # stable: the newest stay first
    rows = {one.name: one.measured.rows.get("model", {}) if one.measured else {} for one in runs}
    measured = {key for row in rows.values() for key, value in row.items() if value is not None}
    shown = [metric for metric in make_metrics() if metric.name in TILES and metric.name in measured]

    def line(one: Facts) -> list[str]:
        score = "–" if one.best_score is None else f"{one.best_score:.4g}"
        state = "finished" if one.finished else "unfinished"
        time = clock(one.seconds) if one.seconds else "–"
        clips = str(len(one.measured.good)) if one.measured else "–"
        cells = [str(one.run), one.model, one.dataset, one.profile or "–", str(one.steps or "–")]
        cells += [time, state, score, clips]
        return [*cells, *(cell(rows[one.name].get(metric.name), metric.digits) for metric in shown)]

    return aligned([[*HEAD, *map(heading, shown)], *map(line, runs)], left=4).splitlines() + problems
