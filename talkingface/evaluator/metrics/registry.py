"""From names to metrics, and why some cannot be taken."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from inspect import isabstract

from talkingface import catalog
from talkingface.evaluator.metrics.base import Metric
from talkingface.evaluator.metrics.networks import MetricNetworks
from talkingface.utils.errors import UserError


def _classes() -> dict[str, type[Metric]]:
    """Every metric's class by its name, in the order of the report."""
    found = catalog.metric_classes()
    if strange := [name for name, metric in found.items() if not issubclass(metric, Metric) or isabstract(metric)]:
        raise UserError(f"metrics: {', '.join(strange)} should be a whole subclass of evaluator.metrics.base.Metric")
    return found


FAMILIES = {"lse": ("lse_d", "lse_c")}
"""Names that stand for several metrics, as papers use them."""


def make_metrics(names: tuple[str, ...] | None = None) -> list[Metric]:
    """Return the named metrics, all by default.

    Args:
        names: in any case, with dashes or underscores; names of `FAMILIES` stand for several.

    Raises:
        UserError: A name that no metric has.
    """
    known = _classes()
    wanted = [one for name in names or known for one in _meant(name, known)]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        near = get_close_matches(unknown[0].lower(), known, n=1)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise UserError(f"metrics: {', '.join(unknown)} unknown{hint} Known are {', '.join(known)}")
    return [known[name]() for name in dict.fromkeys(wanted)]


def _meant(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """The names that one of the user's stands for; it as it is where nothing is known of it."""
    spelt = catalog.spelling(name.replace("-", "_"), known)
    return (spelt,) if spelt else FAMILIES.get(name.lower(), (name,))


def unmeasured(metrics: list[Metric], networks: MetricNetworks) -> dict[str, str]:
    """Return why metrics cannot be taken: their titles, joined where the reason is the same, to the reason."""
    titles: dict[str, list[str]] = {}
    for one in metrics:
        if (reason := one.not_measured(networks)) is not None:
            titles.setdefault(reason, []).append(one.title)
    return {", ".join(names): reason for reason, names in titles.items()}
