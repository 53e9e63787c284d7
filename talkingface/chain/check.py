"""Everything that can be found wrong before work starts."""

from __future__ import annotations

import os
from pathlib import Path

from talkingface import catalog
from talkingface.chain.prepare import check_data
from talkingface.chain.train import check_needs, missing
from talkingface.chain.workspace import Part, Workspace
from talkingface.utils.device import pick_device
from talkingface.utils.errors import UserError


def check(workspace: Workspace, part: Part) -> list[str]:
    """Look, before work starts, at device, folders, data and needed weights; a line for each, warnings included.

    Raises:
        UserError: the first thing that is wrong.
    """
    config = part.config
    lines = [f"configuration: {part.row.name} on {config.dataset_name}, profile {part.resolved.profile or 'none'}"]
    lines.append(f"device: {pick_device(config.run.device)}, precision {config.run.precision}")
    if config.run.metrics is not None:
        from talkingface.evaluator.metrics.registry import make_metrics

        make_metrics(config.run.metrics)
    for folder in (config.run.saved_dir, config.run.log_dir, config.dataset.packed_root):
        _check_writable(Path(folder))
    lines.append(f"data: {check_data(workspace.dataset.row, config.dataset)}")
    if not workspace.choose_run(part).finished:
        lines += check_needs(workspace, part)
        for one in [*missing(workspace, part), part]:
            catalog.load(one.row.trainer).check(one.config)
    return lines


def _check_writable(folder: Path) -> None:
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not there.is_dir():
        raise UserError(f"{folder}: {there} is a file, wanted a folder to write into")
    if not os.access(there, os.W_OK):
        raise UserError(f"{folder}: {there} cannot be written to")
