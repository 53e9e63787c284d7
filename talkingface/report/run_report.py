"""report.html and report.md: all about one run, made from the files of its folder."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

from markupsafe import Markup

from talkingface.evaluator.metrics.registry import make_metrics
from talkingface.evaluator.report import ARROWS, by_reason, markdown_table, ranges_text
from talkingface.report import tables, words
from talkingface.report.cards import best_and_worst, cards, ranked
from talkingface.report.charts import loss_charts
from talkingface.report.facts import EVALUATION, Facts, Measured, read_facts
from talkingface.report.page import templates_mark, write_page
from talkingface.trainer.run_folder import find_runs
from talkingface.utils.errors import UserError
from talkingface.utils.files import write_text

logger = logging.getLogger(__name__)
NAME = "report.html"
MARK = "<!-- made of {} -->"
"""Last line of a report: what it was made from."""


def place(run: Path | None, evaluation: Path | None) -> Path:
    """Return where the report is written: the run's folder, or that of an evaluation on other data or weights."""
    if run is not None and (evaluation is None or evaluation == run / EVALUATION):
        return run / NAME
    assert evaluation is not None
    return evaluation / NAME


def stands(run: Path | None, evaluation: Path | None) -> bool:
    """Whether the report is there and made from the files as they are."""
    path = place(run, evaluation)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 100))
        return MARK.format(_mark(run, evaluation)).encode() in file.read()


def write_report(run: Path | None, evaluation: Path | None = None) -> Path:
    """Write report.html, one file that needs no other, and report.md; return the former.

    Args:
        run: `saved/<run>`; None for an evaluation that belongs to no run.
        evaluation: folder of an evaluation; by default the run's own.

    Raises:
        UserError: a file of the run is damaged.
    """
    path, mark = place(run, evaluation), MARK.format(_mark(run, evaluation))
    facts = read_facts(run, evaluation)
    earlier = earlier_runs(facts)
    compared = [("this run", facts), *((one.name, one) for one in earlier)]
    shown, left_out = cards(facts.measured) if facts.measured else ([], [])
    expert_figures, expert_shifts = tables.expert_tables(facts.expert)
    against = tables.runs_table(compared) if earlier else []
    write_page(
        path, "report.html", facts=facts, measured=facts.measured, subtitle=words.subtitle(facts),
        tiles=words.tiles(facts.measured) if facts.measured else [],
        sentences=words.in_words(facts.measured) if facts.measured else [],
        losses=loss_charts({facts.name: facts.lines}), own=tables.own_table(facts), against=against,
        same_clips=tables.same_clips([one for _, one in compared]), arrows=ARROWS, how=_how(facts.measured),
        ranges=ranges_text(len(facts.measured.good)) if facts.measured else "", cards=shown, left_out=left_out,
        ranked_by=_ranked_by(facts.measured), expert_figures=expert_figures, expert_shifts=expert_shifts,
        config=tables.config_table(facts), environment=tables.environment_table(facts),
        mark=Markup(mark), missing=by_reason(facts.measured.not_measured) if facts.measured else [],
        folder=path.parent, relative=lambda one: _relative(one, path.parent),
    )  # fmt: skip
    write_text(path.with_suffix(".md"), _markdown(facts, against, path.parent))
    return path


def earlier_runs(facts: Facts) -> list[Facts]:
    """Evaluated runs of the same dataset beside this one that began before it, newest first."""
    if facts.run is None or facts.measured is None:
        return []
    runs = [one.path for one in find_runs(facts.run.parent, dataset=facts.dataset) if one.name != facts.name]
    found = []
    for one in runs:
        try:
            found += [read_facts(one)] if (one / EVALUATION / "metrics.json").is_file() else []
        except UserError as error:
            logger.warning("left out of the report: %s", error)
    return [one for one in found if one.created < facts.created][: tables.MOST_EARLIER]


def _ranked_by(measured: Measured | None) -> str:
    by = ranked(measured)[1] if measured else None
    return by.title if by else ""


def _how(measured: Measured | None) -> list[tuple[str, str]]:
    """Title and protocol of each metric."""
    if measured is None:
        return []
    titles = {one.name: one.title for one in make_metrics()}
    return [(titles.get(name, name), one["how"]) for name, one in measured.protocol.get("metrics", {}).items()]


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _mark(run: Path | None, evaluation: Path | None) -> str:
    """Hash of what the report is made from."""
    folder = evaluation or (run / EVALUATION if run else None)
    files = [run / name for name in ("status.json", "metrics.jsonl", "config.yaml", "environment.json")] if run else []
    files += [folder / name for name in ("metrics.json", "expert.json")] if folder else []
    if run is not None:
        files += sorted(run.parent.glob(f"*/{EVALUATION}/metrics.json"))
    total = hashlib.sha256(templates_mark().encode())
    for file in files:
        total.update(f"{file.name}\0".encode() + (file.read_bytes() if file.is_file() else b""))
    return total.hexdigest()[:16]


def _markdown(facts: Facts, against: tables.Lines, folder: Path) -> str:
    measured = facts.measured
    lines = [f"# {facts.name}", "", " · ".join(filter(None, [facts.model, *words.subtitle(facts)])), ""]
    lines += [f"- {one}" for one in words.in_words(measured)] if measured else []
    figures, shifts = tables.expert_tables(facts.expert)
    parts = [("Metrics", tables.own_table(facts)), ("Against earlier runs of the dataset", against)]
    parts += [("Two stages", measured.stages if measured else [])]
    parts += [("Sync expert", figures), ("Offsets found by the expert, frames", shifts)]
    parts += [("Clips, best and worst first", _clip_table(measured, folder) if measured else [])]
    parts += [("Last losses", _last_losses(facts)), ("Configuration", tables.config_table(facts))]
    for title, table in parts:
        if len(table) > 1:
            lines += ["", f"## {title}", "", *markdown_table(table)]
        if title == "Metrics" and measured:
            lines += ["", ARROWS, ranges_text(len(measured.good))]
            lines += [f"- not measured: {names} ({reason})" for names, reason in by_reason(measured.not_measured)]
            lines += [f"- left out: {one['name']} ({one['reason']})" for one in measured.failed]
            lines += [f"- {one.name}: {one.note}" for one in measured.good if one.note]
            lines += [f"- {one}" for one in measured.without_partner]
    return "\n".join(lines) + "\n"


def _clip_table(measured: Measured, folder: Path) -> tables.Lines:
    order, by = ranked(measured)
    plots = {one.stem.partition("_")[2]: one for one in (measured.folder / "plots").glob("*.png")}
    lines = [["clip", by.title if by else "", "real", "generated", "another clip's sound", "opening curve"]]
    for clip in best_and_worst(order):
        score = clip.model.get(by.name) if by else None
        paths = [measured.real(clip), measured.made(clip), measured.cross(clip), plots.get(clip.name.replace("/", "-"))]
        links = ["–" if one is None else f"[{one.name}](<{_relative(one, folder)}>)" for one in paths]
        lines.append([clip.name, "–" if score is None or by is None else f"{score:.{by.digits}f}", *links])
    return lines


def _last_losses(facts: Facts) -> tables.Lines:
    lines = [["", "step", "values"]]
    for split, name in (("train", "training"), ("valid", "validation")):
        last = next((one for one in reversed(facts.lines) if one.get("split") == split), None)
        if last is not None:
            values = {key: value for key, value in last.items() if key not in ("step", "split", "epoch")}
            lines.append([name, str(last["step"]), ", ".join(f"{key} {value:.4g}" for key, value in values.items())])
    return lines
