"""What `search` makes small or large: a value of the validation, or a metric of the evaluation."""

from __future__ import annotations

from dataclasses import dataclass

from talkingface import catalog
from talkingface.evaluator.metrics.registry import make_metrics
from talkingface.report.facts import Facts
from talkingface.utils.errors import UserError

LOSS = "loss"
VALID = "valid_"
"""Begins the names of values of the validation: `valid_psnr_mouth`."""
VALID_VALUES = ("psnr", "psnr_mouth", "ssim", "ssim_mouth")
"""Values of the validation that no weight of the recipe changes, larger being better."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One number of a run, and which way is better."""

    name: str
    title: str
    maximise: bool
    digits: int
    target: float | None = None
    """Where the metric should be; its distance from there is made small."""
    evaluated: bool
    """Whether a trial has to be evaluated for it."""

    @property
    def direction(self) -> str:
        """As optuna calls it."""
        return "maximize" if self.maximise else "minimize"

    def value(self, facts: Facts) -> float | None:
        """The number of a run; None where it has none."""
        if not self.evaluated:
            key = self.name.removeprefix(VALID)
            found = facts.best_score if self.name == LOSS else facts.best_validation.get(key)
        else:
            found = facts.evaluation.rows.get("model", {}).get(self.name) if facts.evaluation else None
        if found is None:
            return None
        return float(found) if self.target is None else abs(float(found) - self.target)


def find_objective(name: str, *, model: str) -> Objective:
    """The objective of a name.

    Raises:
        UserError: there is none of the name, or the model has no such number.
    """
    if name == LOSS:
        return Objective(name=LOSS, title="validation loss", maximise=False, digits=4, evaluated=False)
    key = name.removeprefix(VALID)
    if name.startswith(VALID) and key in VALID_VALUES:
        digits = 2 if key.startswith("psnr") else 3
        return Objective(name=name, title=f"validation {key}", maximise=True, digits=digits, evaluated=False)
    metrics = {one.name: one for one in make_metrics() if one.best != "real"}
    if name not in metrics or not catalog.model_row(model).makes_video:
        known = [LOSS, *(VALID + one for one in VALID_VALUES)]
        known += metrics if catalog.model_row(model).makes_video else []
        raise UserError(catalog.unknown("objective", name, known))
    metric = metrics[name]
    target = {"one": 1.0, "zero": 0.0}.get(metric.best)
    title = metric.title if target is None else f"distance of {metric.title} from {target:g}"
    return Objective(
        name=name, title=title, maximise=metric.best == "higher", digits=metric.digits, target=target, evaluated=True
    )
