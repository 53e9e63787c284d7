"""In what a run's configuration differs from its layers: what the user gave, in a line."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from talkingface import catalog
from talkingface.catalog.resolve import DatasetChoice, resolve
from talkingface.config.identity import differences
from talkingface.config.keys import PROFILE
from talkingface.config.loader import Overrides
from talkingface.config.plain import as_text, to_plain
from talkingface.config.schema import Config
from talkingface.report.facts import Facts
from talkingface.report.run_tables import ENDS
from talkingface.utils.errors import UserError

MOST = 12
"""Keys in a line; more are counted."""


def own_values(runs: Sequence[Facts]) -> tuple[str, list[str]]:
    """Return what all runs of one model and dataset have alike, and for each what it has besides.

    `profile quick with img_size 32`, and `learning_rate 0.0003, max_steps 40`; empty where nothing differs from the
    layers, and for a model that is not installed here.
    """
    found = [_values(one) for one in runs]
    alike = {key: text for key, text in found[0].items() if all(one.get(key) == text for one in found)}
    shared = _in_words(alike) if len(runs) > 1 else ""
    rest = [{key: text for key, text in one.items() if key not in alike} if shared else one for one in found]
    return shared, [_in_words(one) for one in rest]


def _values(facts: Facts) -> dict[str, str]:
    """The profile, and the values that are not those of the layers."""
    base = _layers(facts.model, facts.dataset, facts.profile or "none")
    if base is None or not facts.config:
        return {}
    found = {key: as_text(value) for key, value in changed(facts.config, base).items()}
    return {PROFILE: facts.profile or "none", **found}


def _in_words(values: dict[str, str]) -> str:
    shown = [f"{key} {text}" for key, text in values.items() if key != PROFILE]
    if len(shown) > MOST:
        shown = [*shown[:MOST], f"and {len(shown) - MOST} more"]
    if PROFILE not in values:
        return ", ".join(shown)
    profile = f"{PROFILE} {values[PROFILE]}" if values[PROFILE] != "none" else "no profile"
    return f"{profile} with {', '.join(shown)}" if shown else profile


def changed(stored: dict[str, Any], base: Config) -> dict[str, Any]:
    """Return keys and stored values that are not those of the layers: what changes the result, and the ends.

    Left out are the seed, which has a column of its own, and what a training takes over from weights that it found.
    """
    taken = {own for need in catalog.model_row(base.model_name).needs for own, _ in need.takes}
    found = {key: pair[0] for key, pair in differences(stored, base).items() if key not in {"seed", *taken}}
    before, now = to_plain(base)["model"], stored.get("model", {})
    return found | {key: now[key] for key in ENDS if key in now and now[key] != before[key]}


@cache
def _layers(model: str, dataset: str, profile: str) -> Config | None:
    """The configuration that the layers give; None for a model or profile that is not there."""
    choice = DatasetChoice(name=dataset, row=catalog.dataset_row(dataset))
    try:
        return resolve(model, choice, Overrides(profile=profile)).config
    except UserError:
        return None
