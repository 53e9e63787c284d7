"""Whether weights are those of a network: names and shapes, and the strict loading that every program of ours does."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from talkingface.utils.errors import CheckpointError


class OtherNetworkError(CheckpointError):
    """Weights whose names or shapes are those of another network."""


def misfits(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> dict[str, str]:
    """Names of weights that a network lacks, does not know, or has in another shape -> what is wrong with each."""
    found = {key: f"missing {key} {tuple(wanted[key].shape)}" for key in wanted if key not in given}
    found |= {key: f"unknown {key} {tuple(given[key].shape)}" for key in given if key not in wanted}
    found |= {
        key: f"{key} is {tuple(given[key].shape)}, wanted {tuple(wanted[key].shape)}"
        for key in wanted
        if key in given and given[key].shape != wanted[key].shape
    }
    return found


def load_strictly(model: nn.Module, weights: Mapping[str, Tensor], *, origin: str, made_for: str) -> None:
    """Load weights, with or without `module.` before their names.

    Args:
        model: the network.
        weights: all of its weights and no others.
        origin: where they are from, for the message.
        made_for: of which model they are, likewise.

    Raises:
        OtherNetworkError: names what differs.
    """
    given = {key.removeprefix("module."): value for key, value in weights.items()}
    problems = list(misfits(model.state_dict(), given).values())
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise OtherNetworkError(
            f"{origin}: weights of {made_for} do not fit {type(model).__name__}: {'; '.join(problems[:3])}{more}"
        )
    model.load_state_dict(given)
