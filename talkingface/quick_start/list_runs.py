"""`list --runs`: what has been trained, in one table."""

from __future__ import annotations

from talkingface.quick_start.stages import clock
from talkingface.trainer.run_folder import find_runs
from talkingface.utils.errors import UserError

HEAD = ["run", "model", "dataset", "profile", "steps", "time", "state", "valid loss", "clips"]


def list_runs(saved_dir: str) -> list[str]:
    """A heading and a line for each run: by dataset and model, the newest first; main metrics of those evaluated."""
    from talkingface.evaluator.registry import make_metrics
    from talkingface.evaluator.report import aligned, cell, heading
    from talkingface.quick_start.report.facts import Facts, read_facts
    from talkingface.quick_start.report.words import TILES

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
