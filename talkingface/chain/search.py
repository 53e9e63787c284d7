"""`search`: trainings with values that Optuna proposes, each a normal run, until the best is known.

What was tried stands in saved/search-NAME/trials.log, Optuna's own journal. The same command goes on with it: a trial
that was cut short is proposed again with its values, so that its run continues, and finished ones are not repeated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from talkingface.chain.chain import Chain, carry_out, make_chain
from talkingface.chain.objective import LOSS, Objective, find_objective
from talkingface.chain.search_space import Dimension, read_space
from talkingface.chain.stage import Say
from talkingface.chain.study import finished, go_on_with_interrupted, import_optuna, open_study, suggest
from talkingface.chain.workspace import Workspace
from talkingface.config.identity import what_counts
from talkingface.config.keys import PARTS
from talkingface.config.kinds import Kind, field_kinds
from talkingface.config.loader import Overrides
from talkingface.config.plain import as_text
from talkingface.report.facts import read_facts
from talkingface.report.searches import Trial, write_search
from talkingface.utils.errors import UserError

RUN, REASON = "run", "reason"
"""What a trial of the journal remembers: the folder of its run, or why there is no result."""
MOST_FAILURES = 3
"""Trials without a result in a row after which the search stops."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is searched, and where it is written."""

    model: str
    dataset: str
    overrides: Overrides
    space: tuple[Dimension, ...]
    objective: Objective
    folder: Path
    name: str
    """What its runs are called, with their number."""
    seed: int

    def chain(self, values: Mapping[str, Any], *, number: int) -> Chain:
        """The training of some values, named after the search and its number.

        Raises:
            UserError: the values do not go together.
        """
        flags = {**self.overrides.flags, **values, "run_name": f"{self.name}-{number}"}
        return make_chain(self.model, self.dataset, replace(self.overrides, flags=flags))


def search(
    model: str,
    dataset: str,
    overrides: Overrides,
    *,
    space: str,
    trials: int,
    objective: str = LOSS,
    dry_run: bool = False,
    say: Say = print,
) -> Path | None:
    """Try values of a space, and write a table and a page about all trials.

    Args:
        model: name of a catalog row.
        dataset: name of a dataset, or the folder of videos.
        overrides: the user's layers of configuration; keys of the space may not be among its flags.
        space: a YAML file, see `search_space`.
        trials: how many there shall be in the end, those of earlier starts included.
        objective: `loss`, or the name of another value of the validation or of a metric.
        dry_run: say what would be tried, and the plan of the first trial; write nothing.
        say: takes the lines that tell what happens.

    Returns:
        The page; None for a dry run.

    Raises:
        UserError: something given cannot be used; found before anything is trained.
    """
    optuna = import_optuna()
    if trials < 1:
        raise UserError(f"--trials: wanted 1 or more, got {trials}")
    one = _prepare(model, dataset, overrides, space, find_objective(objective, model=model))
    for line in _about(one, trials):
        say(line)
    if dry_run:
        middle = {dimension.key: dimension.ends[0] for dimension in one.space}
        carry_out(one.chain(middle, number=0), _until(one), dry_run=True, say=say)
        return None
    study = open_study(optuna, one.folder, direction=one.objective.direction)
    go_on_with_interrupted(optuna, study)
    _try_all(optuna, study, one, trials, say)
    path, lines = _write(optuna, study, one)
    for line in lines:
        say(line)
    return path


def _try_all(optuna: Any, study: Any, one: Search, trials: int, say: Say) -> None:
    failures = 0
    while (done := len(finished(optuna, study))) < trials:
        study.sampler = optuna.samplers.TPESampler(seed=one.seed + done)  # the same trials after a restart
        failures = 0 if _try_one(optuna, study, one, number=done, of=trials, say=say) else failures + 1
        _write(optuna, study, one)
        if failures == MOST_FAILURES:
            raise UserError(f"search: {MOST_FAILURES} trials in a row had no result; see {one.folder}/search.md")


def _prepare(model: str, dataset: str, overrides: Overrides, space: str, objective: Objective) -> Search:
    """Check the space and the configuration, and name the search."""
    chain = make_chain(model, dataset, overrides)
    config = chain.config
    if config.run.resume == "never":
        raise UserError("--resume: never would begin a trial that was cut short anew; leave it out")
    found = read_space(space, check=lambda key, value: _refusal(chain, overrides, key, value))
    counted = what_counts(config) | {"space": [one.text() for one in found], "objective": objective.name}
    mark = hashlib.sha256(json.dumps(counted, sort_keys=True).encode()).hexdigest()[:6]
    folder = f"search-{config.model_name}-{config.dataset_name}-{config.run.run_name or mark}"
    return Search(
        model=model, dataset=dataset, overrides=overrides, space=tuple(found), objective=objective,
        folder=Path(config.run.saved_dir, folder), name=config.run.run_name or f"search-{mark}", seed=config.run.seed,
    )  # fmt: skip


def _refusal(chain: Chain, overrides: Overrides, key: str, value: Any) -> str | None:
    """Why a key cannot have a value in a search; None where it can."""
    plain = key.rpartition(".")[2]
    if key in overrides.flags:
        return f"{key}: given as a flag too; take one of them away"
    for part in PARTS:
        kinds = field_kinds(type(getattr(chain.config, part)))
        if plain in kinds and (part == "dataset" or kinds[plain] is Kind.PLACE or plain == "seed"):
            why = {"dataset": "all trials have the same data", "run": "it is no property of what is learnt"}
            return f"{key}: not in a search: {why.get(part, why['run'])}"
    given = replace(overrides, flags={**overrides.flags, key: value})
    try:
        Workspace(chain.workspace.dataset, given, beside=chain.workspace).part(chain.part.row.name)
    except UserError as error:
        return f"{key}: {str(error).splitlines()[0].removeprefix(f'{key}: ')}"
    return None


def _until(one: Search) -> Any:
    return "run" if one.objective.evaluated else "train"


def _about(one: Search, trials: int) -> list[str]:
    way = "as large" if one.objective.maximise else "as small"
    lines = [f"search: {one.objective.title} {way} as possible in {trials} trials; {one.folder}"]
    lines += [f"  {dimension.text()}" for dimension in one.space]
    weights = [one.key for one in one.space if one.key.endswith("_weight")]
    if weights and one.objective.name == LOSS:
        lines.append(
            f"warning: the validation loss itself changes with {', '.join(weights)}, so trials cannot be compared by "
            "it; --objective=valid_psnr_mouth, or a metric, is measured alike for all"
        )
    return lines


def _try_one(optuna: Any, study: Any, one: Search, *, number: int, of: int, say: Say) -> bool:
    """Train with the values that Optuna proposes next; returns whether there is a result."""
    trial = study.ask()
    values = {dimension.key: suggest(trial, dimension) for dimension in one.space}
    shown = ", ".join(f"{key} {as_text(value)}" for key, value in values.items())
    say(f"\n== trial {number} ({number + 1} of {of}): {shown}")
    try:
        chain = one.chain(values, number=number)
        carry_out(chain, _until(one), say=say)
        run = chain.run
        result = None if run is None else one.objective.value(read_facts(run.path))
        if run is None or result is None:
            raise UserError(f"the run has no {one.objective.title}: are there clips to take it from?")
    except UserError as error:
        trial.set_user_attr(REASON, str(error).splitlines()[0])
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        say(f"no result: {error}")
        return False
    trial.set_user_attr(RUN, run.name)
    study.tell(trial, result)
    say(f"{one.objective.title} {result:.{one.objective.digits}f}")
    return True


def _write(optuna: Any, study: Any, one: Search) -> tuple[Path, list[str]]:
    """Write the page and its text; returns the page and the table's lines."""
    trials = [
        Trial(
            number=number, values=dict(trial.params), value=trial.value,
            run=_run_of(one, trial.user_attrs), reason=trial.user_attrs.get(REASON, ""),
        )
        for number, trial in enumerate(finished(optuna, study))
    ]  # fmt: skip
    about: Sequence[str] = [dimension.text() for dimension in one.space]
    return write_search(
        one.folder, trials, title=f"Search: {one.model} on {one.dataset}", objective=one.objective.title,
        maximise=one.objective.maximise, digits=one.objective.digits, evaluated=one.objective.evaluated, space=about,
    )  # fmt: skip


def _run_of(one: Search, remembered: Mapping[str, Any]) -> Path | None:
    return one.folder.parent / remembered[RUN] if RUN in remembered else None
