"""Everything that can be found wrong before work starts."""

from __future__ import annotations

import os
from pathlib import Path

from talkingface import catalog
from talkingface.chain.prepare import check_data
from talkingface.chain.train import check_needs, missing
from talkingface.chain.workspace import Part, Workspace
from talkingface.config.schema import RunConfig
from talkingface.utils.device import pick_device
from talkingface.utils.errors import UserError


def check(workspace: Workspace, part: Part) -> list[str]:
    """Look, before work starts, at device, folders, data and needed weights; a line for each, warnings included.

    Raises:
        UserError: the first thing that is wrong.
    """
    config = part.config
    lines = [f"configuration: {part.row.name} on {config.dataset_name}, profile {part.resolved.profile or 'none'}"]
    lines.append(check_run(config.run))
    for folder in (config.run.saved_dir, config.run.log_dir, config.dataset.packed_root):
        _check_writable(Path(folder))
    lines.append(f"data: {check_data(workspace.dataset.row, config.dataset)}")
    if not workspace.choose_run(part).finished:
        lines += check_needs(workspace, part)
        for one in [*missing(workspace, part), part]:
            catalog.load(one.row.trainer).check(one.config)
    return lines


def check_run(config: RunConfig) -> str:
    """Look at what an evaluation needs of the run's keys, device and metrics; returns a line about the device.

    Raises:
        UserError: the device is not there, or there is no such metric.
    """
    if config.metrics is not None:
        from talkingface.evaluator.metrics.registry import make_metrics

        make_metrics(config.metrics)
    return f"device: {pick_device(config.device)}, precision {config.precision}"


def _check_writable(folder: Path) -> None:
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not there.is_dir():
        raise UserError(f"{folder}: {there} is a file, wanted a folder to write into")
    if not os.access(there, os.W_OK):
        raise UserError(f"{folder}: {there} cannot be written to")
