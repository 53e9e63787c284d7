"""The memory of a search: Optuna's journal, which an interrupted search goes on with.

Optuna is an extra package; it is imported where a search begins.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from talkingface.chain.search_space import Dimension
from talkingface.utils.errors import UserError

LOG = "trials.log"


def import_optuna() -> Any:
    """The package, which only this command needs.

    Raises:
        UserError: it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise UserError(
            f"search: needs the package optuna ({error}); install it with: pip install -r requirements-search.txt"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("optuna").setLevel(logging.WARNING)
    return optuna


def open_study(optuna: Any, folder: Path, *, direction: str) -> Any:
    """Optuna's journal, made where there is none."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    folder.mkdir(parents=True, exist_ok=True)
    file = str(folder / LOG)
    storage = JournalStorage(
        JournalFileBackend(file, lock_obj=JournalFileOpenLock(file))
    )  # links need rights on Windows
    return optuna.create_study(storage=storage, study_name=folder.name, direction=direction, load_if_exists=True)


def go_on_with_interrupted(optuna: Any, study: Any) -> None:
    """Propose the values of trials that were cut short again, before others."""
    states = optuna.trial.TrialState
    for trial in study.get_trials(deepcopy=False, states=(states.RUNNING,)):
        study.tell(trial.number, state=states.FAIL)
        study.enqueue_trial(trial.params, skip_if_exists=False)


def finished(optuna: Any, study: Any) -> list[Any]:
    """Trials that have ended, with a result or with a reason why there is none, in their order."""
    states = optuna.trial.TrialState
    trials = study.get_trials(deepcopy=False, states=(states.COMPLETE, states.PRUNED))
    return sorted(trials, key=lambda trial: trial.number)


def suggest(trial: Any, dimension: Dimension) -> Any:
    """The value of a dimension that a trial shall have."""
    if dimension.choices:
        return trial.suggest_categorical(dimension.key, list(dimension.choices))
    if dimension.whole:
        return trial.suggest_int(dimension.key, int(dimension.low), int(dimension.high), log=dimension.log)
    return trial.suggest_float(dimension.key, dimension.low, dimension.high, log=dimension.log)
