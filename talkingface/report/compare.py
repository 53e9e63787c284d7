"""Runs side by side: `compare RUN RUN...` writes a page and a table for the terminal."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from talkingface.evaluator.clip_result import ClipResult
from talkingface.evaluator.summary import ROWS
from talkingface.evaluator.tables import ARROWS, aligned, cell, ranges_text
from talkingface.report import run_tables
from talkingface.report.cards import Card, best_and_worst, ranked, shot
from talkingface.report.charts import loss_charts, opening_chart
from talkingface.report.evaluation_facts import EvaluationFacts
from talkingface.report.facts import Facts, read_facts
from talkingface.report.page import write_page
from talkingface.report.run_report import OTHER_CLIPS
from talkingface.report.sections import Block, Charts, Clips, Section, Table, Text, subtitle
from talkingface.trainer.run_folder import SavedRuns
from talkingface.utils.errors import UserError

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
        names: folders of runs, their names under `saved_dir`, or the ends of those, such as a `run_name`.
        saved_dir: gets the page, compare-<names>.html.
        dry_run: write nothing, only make the table.

    Raises:
        UserError: fewer than two runs, more than six, or one that is not there.
    """
    folders = list(dict.fromkeys(_folder(one, saved_dir) for one in names))
    if not 2 <= len(folders) <= MOST_RUNS:
        raise UserError(f"compare: wanted 2 to {MOST_RUNS} different runs, got {len(folders)}")
    runs = list(zip(_titles(folders), map(read_facts, folders), strict=True))
    path = Path(saved_dir, f"compare-{_page_name(folders)}.html")
    if not dry_run:
        write_page(
            path, "compare.html", title=f"Comparison of {len(runs)} runs", sections=_sections(runs), mark="",
            runs=[(title, subtitle(one)) for title, one in runs],
        )  # fmt: skip
    table = run_tables.runs_table(runs) or run_tables.differences(runs)
    return Comparison(path=path, table=aligned(table))


def _folder(name: str, saved_dir: str) -> Path:
    for path in (Path(name), Path(saved_dir, name)):
        if (path / "status.json").is_file() or (path / "config.yaml").is_file():
            return path.resolve()
    runs = SavedRuns.read(saved_dir).matching()
    alike = [run for run in runs if run.name.endswith(f"-{name}")]
    if len(alike) == 1:
        return alike[0].path.resolve()
    if alike:
        raise UserError(f"compare: {name}: which one? {', '.join(run.name for run in alike)}")
    known = ", ".join(run.name for run in runs)
    raise UserError(f"compare: {name}: no such run; in {saved_dir}/ are {known or 'none'}")


def _titles(folders: list[Path]) -> list[str]:
    """The runs' names; with their parents' where two are of one name."""
    names = [one.name for one in folders]
    return [one.name if names.count(one.name) == 1 else str(one) for one in folders]


def _page_name(folders: list[Path]) -> str:
    joined = "-and-".join(one.name for one in folders)
    return joined if len(joined) <= LONGEST else hashlib.sha256(joined.encode()).hexdigest()[:12]


def _sections(runs: Sequence[tuple[str, Facts]]) -> list[Section]:
    evaluated = [(title, one.evaluation) for title, one in runs if one.evaluation is not None]
    found = {name: run_tables.runs_table(runs, row=row) for row, name in ROWS.items() if row != "real"}
    tables = [(name, lines) for name, lines in found.items() if lines]
    blocks: list[Block] = [Table(lines=lines, title=name, folded=k > 0) for k, (name, lines) in enumerate(tables)]
    if tables:
        blocks.append(Text(f"{ARROWS} {ranges_text(min(len(one.good) for _, one in evaluated))}"))
        blocks += [] if run_tables.same_clips([one for _, one in runs]) else [Text(OTHER_CLIPS)]
    else:
        blocks = [Text("None of these runs has been evaluated.")]
    sections = [Section(id="metrics", title="Metrics", blocks=blocks)]
    if cards := _cards(evaluated):
        text = (
            "Clips that every evaluated run has. All videos of a clip play in step, with the sound of the first run's."
        )
        sections.append(Section(id="clips", title="The same clips", blocks=[Text(text), Clips(cards=cards)]))
    if charts := loss_charts({title: one.lines for title, one in runs}):
        text = "Over training steps; validation in front, training thin behind it."
        sections.append(Section(id="losses", title="Training", blocks=[Text(text), Charts(charts=charts)]))
    differing = run_tables.differences(runs)
    last: Block = Table(lines=differing, kind="text wide") if len(differing) > 1 else Text("Nothing.")
    return [*sections, Section(id="config", title="Configuration: what differs", blocks=[last])]


def _cards(evaluated: list[tuple[str, EvaluationFacts]]) -> list[Card]:
    """The clips that all evaluated runs have, best and worst of the first run first."""
    if len(evaluated) < 2:
        return []
    clips = [{clip.name: clip for clip in one.good} for _, one in evaluated]
    order, by = ranked(evaluated[0][1])
    shared = [clip.name for clip in best_and_worst(order) if all(clip.name in one for one in clips)]
    cards = []
    for name in shared:
        own = [(title, one, found[name]) for (title, one), found in zip(evaluated, clips, strict=True)]
        if len({_resolved(one.real(clip)) for _, one, clip in own}) > 1:
            continue  # of one name, but not the same video
        figures = [(f"{title}: {by.title}", cell(clip.model.get(by.name), by.digits)) for title, _, clip in own if by]
        cards.append(_card(own, figures))
        if len(cards) == MOST_CLIPS:
            break
    return cards


def _resolved(path: Path | None) -> Path | None:
    return None if path is None else path.resolve()


def _card(own: list[tuple[str, EvaluationFacts, ClipResult]], figures: list[tuple[str, str]]) -> Card:
    _, first, clip = own[0]
    shots = [shot("real", "real", first.real(clip))]
    shots += [shot(title, "made" if one is first else "other", one.made(found)) for title, one, found in own]
    curves = {title: found.opening_model for title, _, found in own}
    chart = opening_chart(clip, curves, first.made(clip))
    return Card(
        name=clip.name, rank="", speaker="", shots=[one for one in shots if one is not None],
        charts=[chart] if chart else [], figures=figures,
    )  # fmt: skip
