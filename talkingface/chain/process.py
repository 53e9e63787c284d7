"""The stage that makes a model's own training data from networks it needs, and the weights that are taken for those."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from talkingface import catalog
from talkingface.chain.part import Part
from talkingface.chain.stage import Look, Stage
from talkingface.chain.workspace import Workspace
from talkingface.config.schema import Config
from talkingface.model.trained import Trained, build_network
from talkingface.trainer import distributed
from talkingface.utils.device import pick_device
from talkingface.utils.errors import CheckpointError


def process_stages(workspace: Workspace, part: Part) -> list[Stage]:
    """The stage before a model's training, where its row has a process."""
    return [_process(workspace, part)] if part.row.process else []


def _process(workspace: Workspace, part: Part) -> Stage:
    def make() -> tuple[Any, dict[str, torch.nn.Module]]:
        config, networks = with_needs(workspace, part)
        return catalog.load(str(part.row.process))(config), networks

    def look() -> Look:
        absent = [need.model for need, one in part.needs if workspace.weights(one, part.given(need)).path is None]
        if absent:
            return Look(True, f"what {part.row.name} trains on, once {' and '.join(absent)} is there")
        found: tuple[bool, str] = make()[0].look() if distributed.rank() == 0 else (False, "")
        return Look(*distributed.broadcast_object(found))  # all processes do the same

    def work() -> str:
        result = ""
        if distributed.rank() == 0:
            device = pick_device(part.config.run.device)
            process, networks = make()
            result = process.make({name: network.to(device) for name, network in networks.items()}, device)
        distributed.barrier()
        return result

    return Stage(name=f"data of {part.row.name}", look=look, work=work)


def with_needs(workspace: Workspace, part: Part, *, rebuilt: bool = False) -> tuple[Config, dict[str, torch.nn.Module]]:
    """The configuration with the paths of the weights it takes and what follows them, and their networks by part.

    Args:
        workspace: of the command.
        part: the model.
        rebuilt: give networks of their own, built now. Building draws random numbers, so what a training draws next
            depends on its seed alone and not on whether the workspace had these networks already.

    Raises:
        CheckpointError: weights are missing or do not fit.
    """
    networks: dict[str, torch.nn.Module] = {}
    values: dict[str, Any] = {}
    for need, needed in part.needs:
        weights = workspace.weights(needed, part.given(need))
        if weights.path is None:
            raise CheckpointError(f"{need.path_key}: {weights.reason}")
        trained = workspace.trained(weights.path, model=need.model)
        networks[need.part] = _rebuilt(trained) if rebuilt else trained.network
        values[need.path_key] = str(weights.path)
        values |= {own: getattr(trained.config.model, theirs) for own, theirs in need.takes}
    return replace(part.config, model=replace(part.config.model, **values)), networks


def _rebuilt(trained: Trained) -> torch.nn.Module:
    network: torch.nn.Module = build_network(trained.row, trained.config)
    network.load_state_dict(trained.network.state_dict())
    return network.eval()
