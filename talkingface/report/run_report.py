"""report.html and report.md: all about one run, made from the files of its folder."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from talkingface.evaluator.evaluation import relative_path
from talkingface.evaluator.metrics.registry import make_metrics
from talkingface.evaluator.tables import ARROWS, by_reason, ranges_text
from talkingface.report import run_tables
from talkingface.report.cards import cards, clip_table, ranked
from talkingface.report.charts import loss_charts
from talkingface.report.evaluation_facts import EvaluationFacts
from talkingface.report.facts import EVALUATION, Facts, read_facts, read_runs
from talkingface.report.page import code_mark, write_page
from talkingface.report.sections import (
    Block,
    Bullets,
    Charts,
    Clips,
    Definitions,
    Section,
    Table,
    Text,
    in_words,
    subtitle,
    tiles,
    to_markdown,
)
from talkingface.trainer.run_folder import SavedRuns
from talkingface.utils.files import write_text

logger = logging.getLogger(__name__)
NAME = "report.html"
MARK = "<!-- made of {} -->"
"""Last line of a report: what it was made from."""
DATA = ("*.json", "*.jsonl", "*.yaml")
"""Files of a run and of an evaluation that its report is made from."""
NOT_EVALUATED = (
    "No evaluation was found for this run: there are no test clips with videos, or it has not been evaluated yet."
)
OTHER_CLIPS = "The runs were not all evaluated on the same clips: compare with care."


def report_path(run: Path | None, evaluation: Path | None) -> Path:
    """Return where the report is written: the run's folder, or that of an evaluation on other data or weights."""
    if run is not None and (evaluation is None or evaluation == run / EVALUATION):
        return run / NAME
    assert evaluation is not None
    return evaluation / NAME


def is_up_to_date(run: Path | None, evaluation: Path | None) -> bool:
    """Whether the report is there and made from the files as they are."""
    path = report_path(run, evaluation)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 100))
        return MARK.format(_mark(run, evaluation)).encode() in file.read()


def _mark(run: Path | None, evaluation: Path | None) -> str:
    """Hash of what the report is made from: the data files of both folders, the earlier runs' figures,
    and the code that writes it."""
    folders = [run, evaluation or (run / EVALUATION if run else None)]
    files = [file for folder in folders if folder for kind in DATA for file in sorted(folder.glob(kind))]
    if run is not None:
        files += sorted(run.parent.glob(f"*/{EVALUATION}/metrics.json"))
    total = hashlib.sha256(code_mark().encode())
    for file in files:
        total.update(f"{file.name}\0".encode() + file.read_bytes())
    return total.hexdigest()[:16]


def write_report(run: Path | None, evaluation: Path | None = None) -> Path:
    """Write report.html, one file that needs no other, and report.md; return the former.

    Args:
        run: `saved/<run>`; None for an evaluation that belongs to no run.
        evaluation: folder of an evaluation; by default the run's own.

    Raises:
        UserError: a file of the run is damaged.
    """
    path, mark = report_path(run, evaluation), MARK.format(_mark(run, evaluation))
    facts = read_facts(run, evaluation)
    found = facts.evaluation
    sections = [
        *_figures(facts, earlier_runs(facts)),
        *_clips(found, path.parent),
        *_training(facts),
        *_history(facts),
        *_left_out(found),
        _how(facts, path.parent),
    ]
    under_title, sentences = subtitle(facts), in_words(found) if found else []
    if not found and not facts.expert:
        sentences = [NOT_EVALUATED]
    write_page(
        path, "report.html", title=facts.name, facts=facts, subtitle=under_title, sentences=sentences,
        tiles=tiles(found) if found else [], sections=sections, mark=Markup(mark),
    )  # fmt: skip
    head = [f"# {facts.name}", "", " · ".join(filter(None, [facts.model, *under_title])), ""]
    lines = [*head, *(f"- {one}" for one in sentences), *to_markdown(sections)]
    write_text(path.with_suffix(".md"), "\n".join(lines) + "\n")
    return path


def earlier_runs(facts: Facts) -> list[Facts]:
    """Return evaluated runs of the same dataset beside this one that began before it, newest first."""
    if facts.run is None or facts.evaluation is None:
        return []
    saved = SavedRuns.read(facts.run.parent)
    others = [one for one in saved.matching(dataset=facts.dataset) if one.name != facts.name]
    runs, problems = read_runs(one for one in others if (one.path / EVALUATION / "metrics.json").is_file())
    for problem in problems:
        logger.warning("%s", problem)
    return [one for one in runs if one.created < facts.created][: run_tables.MOST_EARLIER]


def _figures(facts: Facts, earlier: Sequence[Facts]) -> list[Section]:
    """The tables: of the evaluation, of earlier runs beside it, of a sync expert."""
    sections = []
    if found := facts.evaluation:
        count = len(found.good)
        text = f"{count} clips, measured on the written videos. Real videos: what can be reached. {ARROWS}"
        blocks: list[Block] = [Table(lines=run_tables.own_table(facts)), Text(text), Text(ranges_text(count))]
        if found.decoder:
            title = "HR decoder: drawn faces before pasting, against the real ones"
            blocks.append(Table(lines=found.decoder, title=title))
        sections.append(Section(id="metrics", title="Metrics", blocks=blocks))
    if earlier:
        compared = [("this run", facts), *((one.name, one) for one in earlier)]
        blocks = [Table(lines=run_tables.runs_table(compared))]
        blocks += [] if run_tables.same_clips([one for _, one in compared]) else [Text(OTHER_CLIPS)]
        sections.append(Section(id="earlier", title=f"Against earlier runs of {facts.dataset}", blocks=blocks))
    if facts.expert:
        figures, shifts = run_tables.expert_tables(facts.expert)
        title = "Offset found, in frames, for each shift of each clip"
        blocks = [Table(lines=figures), Table(lines=shifts, title=title, kind="tight")]
        sections.append(Section(id="expert", title="Sync expert", blocks=blocks))
    return sections


def _clips(found: EvaluationFacts | None, folder: Path) -> list[Section]:
    """The clips, best and worst first."""
    shown, left_out = cards(found) if found else ([], [])
    if not found or not shown:
        return []
    by = ranked(found)[1]
    ranking = f"Best and worst first, by {by.title}. " if by else ""
    third = "; the third has another clip's sound and plays on its own" if any(one.has_cross for one in shown) else ""
    text = f"{ranking}The real and the generated video play in step, with the generated one's sound{third}."
    rest = [(clip.name, relative_path(found.made(clip), folder)) for clip in left_out]
    clips = Clips(cards=shown, left_out=rest, lines=clip_table(found, folder))
    return [Section(id="clips", title="Clips", blocks=[Text(text), clips])]


def _training(facts: Facts) -> list[Section]:
    charts = loss_charts({facts.name: facts.lines})
    if not charts:
        return []
    blocks = [Text("Over training steps."), Charts(charts=charts, lines=run_tables.last_losses(facts))]
    return [Section(id="losses", title="Training", blocks=blocks)]


def _history(facts: Facts) -> list[Section]:
    """Where the training started, and what was changed on the way."""
    tables = {
        "Started from these weights": run_tables.start_table(facts),
        "Changed on the way": run_tables.changes_table(facts),
    }
    blocks: list[Block] = [
        Table(lines=lines, title=title, kind="text") for title, lines in tables.items() if len(lines) > 1
    ]
    return [Section(id="history", title="History", blocks=blocks)] if blocks else []


def _left_out(found: EvaluationFacts | None) -> list[Section]:
    """What could not be measured, with the reason."""
    if found is None:
        return []
    items = list(by_reason(found.not_measured))
    items += [(f"clip {one['name']} left out", one["reason"]) for one in found.failed]
    items += [("", line) for line in found.without_partner]
    return [Section(id="missing", title="Not measured", blocks=[Bullets(items)])] if items else []


def _how(facts: Facts, folder: Path) -> Section:
    blocks: list[Block] = []
    if facts.evaluation:
        titles = {one.name: one.title for one in make_metrics()}
        taken = facts.evaluation.protocol.get("metrics", {})
        items = [(titles.get(name, name), one["how"]) for name, one in taken.items()]
        blocks += [Definitions(title="How each number is taken", items=items)] if items else []
    tables = {"Configuration": run_tables.config_table(facts), "Environment": run_tables.environment_table(facts)}
    blocks += [
        Table(lines=lines, title=title, kind="text", folded=True) for title, lines in tables.items() if len(lines) > 1
    ]
    return Section(id="how", title="How it was made", blocks=[*blocks, Text(f"Files in {folder}")])
