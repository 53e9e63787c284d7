"""Everything that can be found wrong before work starts."""

from __future__ import annotations

import os
from pathlib import Path

from talkingface.quick_start import catalog
from talkingface.quick_start.data_stages import check_data
from talkingface.quick_start.parts import Part, choose_run
from talkingface.quick_start.resolve import DatasetChoice
from talkingface.quick_start.train_stages import check_needs, missing
from talkingface.utils.device import pick_device
from talkingface.utils.errors import UserError


def check(part: Part, dataset: DatasetChoice) -> list[str]:
    """Look at device, folders, data and needed weights; returns a line for each, warnings included. Writes nothing.

    Raises:
        UserError: the first thing that is wrong.
    """
    config, profile = part.config, part.resolved.profile
    lines = [f"configuration: {part.row.name} on {config.dataset_name}, profile {profile or 'none'}"]
    lines.append(f"device: {pick_device(config.run.device)}, precision {config.run.precision}")
    if config.run.metrics is not None:
        from talkingface.evaluator.registry import make_metrics

        make_metrics(config.run.metrics)
    for folder in (config.run.saved_dir, config.run.log_dir, config.dataset.packed_root):
        _check_writable(Path(folder))
    lines.append(f"data: {check_data(dataset.row, config.dataset)}")
    if not choose_run(part).finished:
        lines += check_needs(part)
        for one in [*missing(part), part]:
            catalog.load(one.row.trainer).check(one.config)
    return lines


def _check_writable(folder: Path) -> None:
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not there.is_dir():
        raise UserError(f"{folder}: {there} is a file, wanted a folder to write into")
    if not os.access(there, os.W_OK):
        raise UserError(f"{folder}: {there} cannot be written to")
