"""In what a run's configuration differs from its layers: what the user gave, in a line."""

from __future__ import annotations

from functools import cache
from typing import Any

from talkingface import catalog
from talkingface.catalog.resolve import DatasetChoice, resolve
from talkingface.config.identity import differences
from talkingface.config.loader import Overrides
from talkingface.config.plain import as_text, to_plain
from talkingface.config.schema import Config
from talkingface.report.facts import Facts
from talkingface.report.run_tables import ENDS
from talkingface.utils.errors import UserError

MOST = 8
"""Keys in a line; more are counted."""


def own_values(facts: Facts) -> str:
    """Return `profile quick with learning_rate 0.0003, max_steps 40`; empty for a model that is not installed here."""
    base = _layers(facts.model, facts.dataset, facts.profile or "none")
    if base is None or not facts.config:
        return ""
    found = changed(facts.config, base)
    shown = [f"{key} {as_text(value)}" for key, value in list(found.items())[:MOST]]
    shown += [f"and {len(found) - MOST} more"] if len(found) > MOST else []
    name = f"profile {facts.profile}" if facts.profile else "defaults"
    return f"{name} with {', '.join(shown)}" if shown else name


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
