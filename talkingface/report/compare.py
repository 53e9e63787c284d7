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

VALIDATION = (
    "Values of the validation with the lowest loss. The loss and its parts depend on the recipe's weights: alike "
    "only where those are. PSNR and SSIM of drawn faces against real ones depend on none and can be compared."
)
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
    """What differs, how the trainings went, and the metrics of all clips, as text."""


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
    facts = list(map(read_facts, folders))
    runs = list(zip(_titles(folders, facts), facts, strict=True))
    path = Path(saved_dir, f"compare-{_page_name(folders)}.html")
    if not dry_run:
        write_page(
            path, "compare.html", title=_title(facts), sections=_sections(runs), mark="",
            runs=[(title, subtitle(one)) for title, one in runs],
        )  # fmt: skip
    tables = [run_tables.differences(runs), run_tables.training_table(runs), run_tables.runs_table(runs)]
    return Comparison(path=path, table="\n\n".join(aligned(one, left=1) for one in tables if len(one) > 1))


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


def _titles(folders: list[Path], facts: list[Facts]) -> list[str]:
    """The runs' names: of one model and dataset without these, and with their parents' where two are of one name."""
    names = [one.name for one in folders]
    if len(set(names)) < len(names):
        return [one.name if names.count(one.name) == 1 else str(one) for one in folders]
    beginnings = {f"{one.model}-{one.dataset}-" for one in facts}
    if len(beginnings) == 1 and all(name.startswith(tuple(beginnings)) for name in names):
        return [name.removeprefix(*beginnings) for name in names]
    return names


def _title(facts: list[Facts]) -> str:
    what = {f" of {one.model} on {one.dataset}" for one in facts}
    return f"Comparison of {len(facts)} runs" + (what.pop() if len(what) == 1 else "")


def _page_name(folders: list[Path]) -> str:
    joined = "-and-".join(one.name for one in folders)
    return joined if len(joined) <= LONGEST else hashlib.sha256(joined.encode()).hexdigest()[:12]


def _sections(runs: Sequence[tuple[str, Facts]]) -> list[Section]:
    evaluated = [(title, one.evaluation) for title, one in runs if one.evaluation is not None]
    sections = [_differing(runs)]
    blocks: list[Block] = [Table(lines=run_tables.training_table(runs)), Text(VALIDATION)]
    sections.append(Section(id="training", title="Training", blocks=blocks))
    if evaluated:
        sections.append(_metrics(runs, [one for _, one in evaluated]))
    if cards := _cards(evaluated):
        text = (
            "Clips that every evaluated run has. All videos of a clip play in step, with the sound of the first run's."
        )
        sections.append(Section(id="clips", title="The same clips", blocks=[Text(text), Clips(cards=cards)]))
    if charts := loss_charts({title: one.lines for title, one in runs}):
        text = "Over training steps; validation in front, training thin behind it."
        sections.append(Section(id="losses", title="Losses", blocks=[Text(text), Charts(charts=charts)]))
    return sections


def _differing(runs: Sequence[tuple[str, Facts]]) -> Section:
    """The settings that differ: first what changes the result, folded the rest."""
    learnt, rest = run_tables.differences(runs), run_tables.differences(runs, learnt=False)
    first: Block = (
        Table(lines=learnt, kind="text wide") if len(learnt) > 1 else Text("Nothing that changes the result.")
    )
    blocks = [first]
    if len(rest) > 1:
        title = "Places, names, and how often to log, validate and save"
        blocks.append(Table(lines=rest, kind="text wide", title=title, folded=True))
    return Section(id="config", title="What differs", blocks=blocks)


def _metrics(runs: Sequence[tuple[str, Facts]], evaluations: Sequence[EvaluationFacts]) -> Section:
    found = {name: run_tables.runs_table(runs, row=row) for row, name in ROWS.items() if row != "real"}
    tables = [(name, lines) for name, lines in found.items() if lines]
    blocks: list[Block] = [Table(lines=lines, title=name, folded=k > 0) for k, (name, lines) in enumerate(tables)]
    blocks.append(Text(f"{ARROWS} {ranges_text(min(len(one.good) for one in evaluations))}"))
    blocks += [] if run_tables.same_clips([one for _, one in runs]) else [Text(OTHER_CLIPS)]
    without = [title for title, one in runs if one.evaluation is None]
    blocks += [Text(f"Not evaluated: {', '.join(without)}.")] if without else []
    return Section(id="metrics", title="Metrics", blocks=blocks)


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
