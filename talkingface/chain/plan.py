"""What a command has to train, decided once: which models, in which order, and whose weights are there already."""

from __future__ import annotations

from dataclasses import dataclass

from talkingface.catalog.rows import Need
from talkingface.chain.part import Part
from talkingface.chain.workspace import RunChoice, Weights, Workspace


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A model asked for, and what its training takes. Stages look again when their turn comes."""

    part: Part
    choice: RunChoice
    """Whether the model's training starts, goes on, or is not needed."""
    first: tuple[Part, ...] = ()
    """Models to train before it, in order."""
    found: tuple[tuple[Need, Part, Weights], ...] = ()
    """What it or a model before it needs and whose weights are there: the need, the model that has it, the weights."""

    @property
    def trainings(self) -> tuple[Part, ...]:
        """All models to train, in order; none where the run asked for has finished."""
        return () if self.choice.finished else (*self.first, self.part)

    @property
    def readers(self) -> list[Part]:
        """Models that will be trained on packed faces; those with a process of their own read what that makes."""
        return [one for one in self.trainings if one.row.process is None]


def make_plan(workspace: Workspace, part: Part) -> Plan:
    """Decide it from what there is now.

    Raises:
        CheckpointError: a configured checkpoint is missing.
    """
    choice = workspace.choose_run(part)
    if choice.finished:
        return Plan(part=part, choice=choice)
    first: dict[str, Part] = {}
    found: list[tuple[Need, Part, Weights]] = []

    def visit(one: Part) -> None:
        for need, needed in one.needs:
            weights = workspace.weights(needed, one.given(need))
            if weights.path is not None:
                found.append((need, one, weights))
                continue
            visit(needed)
            first.setdefault(needed.row.name, needed)

    visit(part)
    return Plan(part=part, choice=choice, first=tuple(first.values()), found=tuple(found))
