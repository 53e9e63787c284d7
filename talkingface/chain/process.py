"""The stage that makes a model's own training data from networks it needs, and the weights that are taken for those."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from talkingface import catalog
from talkingface.catalog.rows import Need
from talkingface.chain.stage import Look, Stage
from talkingface.chain.workspace import Part, find_weights
from talkingface.config.schema import Config
from talkingface.model.trained import load_trained, poor
from talkingface.trainer import distributed
from talkingface.utils.device import pick_device
from talkingface.utils.errors import CheckpointError


def process_stages(part: Part) -> list[Stage]:
    """The stage before a model's training, where its row has a process."""
    return [_process(part)] if part.row.process else []


def _process(part: Part) -> Stage:
    def look() -> Look:
        absent = [need.model for need, needed in part.needs if find_weights(needed, _given(part, need)).path is None]
        if absent:
            return Look(True, f"what {part.row.name} trains on, once {' and '.join(absent)} is there")
        found: tuple[bool, str] = _make(part).look() if distributed.rank() == 0 else (False, "")
        return Look(*distributed.broadcast_object(found))  # all processes do the same

    def work() -> str:
        result = ""
        if distributed.rank() == 0:
            device = pick_device(part.config.run.device)
            networks = {name: network.to(device) for name, network in with_needs(part)[1].items()}
            result = _make(part).make(networks, device)
        distributed.barrier()
        return result

    return Stage(name=f"data of {part.row.name}", look=look, work=work)


def _make(part: Part) -> Any:
    return catalog.load(str(part.row.process))(with_needs(part)[0])


def _given(part: Part, need: Need) -> str | None:
    given: str | None = getattr(part.config.model, need.path_key)
    return given


def with_needs(part: Part) -> tuple[Config, dict[str, torch.nn.Module]]:
    """The configuration with the paths of the weights it takes and what follows them, and their networks by part.

    Raises:
        CheckpointError: weights are missing or do not fit.
    """
    networks: dict[str, torch.nn.Module] = {}
    values: dict[str, Any] = {}
    for need, needed in part.needs:
        weights = find_weights(needed, getattr(part.config.model, need.path_key))
        if weights.path is None:
            raise CheckpointError(f"{need.path_key}: {weights.reason}")
        trained = load_trained(weights.path, model=need.model)
        if warning := poor(trained, need):
            print(warning)
        networks[need.part] = trained.network
        values[need.path_key] = str(weights.path)
        values |= {own: getattr(trained.config.model, theirs) for own, theirs in need.takes}
    return replace(part.config, model=replace(part.config.model, **values)), networks
