"""What a training starts with besides its seed: given weights, and parameters that are not trained."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from itertools import accumulate
from typing import Any

from torch import nn

from talkingface.config.schema import Config
from talkingface.model.initial import KEYS, Fit, InitialWeights, fit, read_initial, take_over
from talkingface.trainer import distributed
from talkingface.trainer.run_folder import RunFolder
from talkingface.utils.errors import UserError

LOGGER = logging.getLogger(__name__)
LAYERS = 40
"""Layers that do not fit which a warning names; a run's status names the weights of all."""


def check_start(config: Config, network: nn.Module, new_parts: Mapping[str, Callable[[], nn.Module]]) -> list[str]:
    """Look whether given weights fit and what is frozen is there; a line for each, as for a plan.

    Args:
        config: of the training.
        network: a network as it would be trained; it is changed.
        new_parts: how the other trained networks are made.

    Raises:
        UserError: something does not fit.
    """
    lines = []
    if config.model.freeze:
        freeze_prefixes(network, config.model.freeze)
        count = sum(weight.numel() for weight in network.parameters() if not weight.requires_grad)
        every = sum(weight.numel() for weight in network.parameters())
        lines.append(f"{config.model_name}: {count:,} of {every:,} weights are not trained (freeze)")
    for part, initial in read_initial(config).items():
        lines += _lines(config, initial, fit(network if part == "model" else new_parts[part](), initial, config))
    return lines


def start_from_weights(config: Config, networks: Mapping[str, Any], *, run: RunFolder) -> Config:
    """Load the weights that a configuration names into the networks of a training that begins.

    Args:
        config: of the training.
        networks: its parts by name.
        run: its status tells of each file: `started_from`.

    Returns:
        The configuration with the hashes of the files.

    Raises:
        UserError: weights are missing or do not fit.
    """
    notes, values = [], {}
    for part, initial in read_initial(config).items():
        found = fit(networks[part], initial, config)
        take_over(found)
        for line in _lines(config, initial, found):
            LOGGER.info("%s", line)
        values[f"{initial.key}_sha256"] = initial.sha256
        header = initial.checkpoint.header
        notes.append(
            {
                "part": part, "path": str(initial.path), "sha256": initial.sha256,
                "model": header.model_name if header else None, "step": header.step if header else None,
                "not_fitting": list(found.misfits.values()),
            }
        )  # fmt: skip
    if notes and distributed.rank() == 0:
        run.update_status(started_from=notes)
    return config.with_model(**values)


def _lines(config: Config, initial: InitialWeights, found: Fit) -> list[str]:
    part = "" if initial.key == KEYS["model"] else f" ({initial.key.removeprefix('initial_')})"
    lines = [f"{config.model_name}{part} starts from {initial.text}"]
    if found.misfits:
        more = f" and {len(found.layers) - LAYERS} more, see status.json" if len(found.layers) > LAYERS else ""
        lines.append(
            f"warning: {initial.key}: {len(found.misfits)} weights do not fit and stay fresh, or are not used "
            f"(initial_strict=false); layers: {', '.join(found.layers[:LAYERS])}{more}"
        )
    return lines


def freeze_prefixes(network: nn.Module, prefixes: Sequence[str]) -> list[nn.Module]:
    """Take the parameters whose names begin with a prefix out of training.

    Returns:
        The normalisation layers among them, which are to stay in evaluation mode, so that their statistics stay too.

    Raises:
        UserError: a prefix that no parameter's name begins with; nothing is left to train.
    """
    names = [name for name, _ in network.named_parameters()]
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in names):
            raise UserError(f"freeze: no parameter's name begins with {prefix!r}; {_nearest(prefix, names)}")
    if not prefixes:
        return []
    for name, weight in network.named_parameters():
        if name.startswith(tuple(prefixes)):
            weight.requires_grad_(False)
    if not any(weight.requires_grad for weight in network.parameters()):
        raise UserError(f"freeze: {', '.join(prefixes)} leave nothing to train")
    return [
        layer
        for name, layer in network.named_modules()
        if getattr(layer, "running_mean", None) is not None and f"{name}.running_mean".startswith(tuple(prefixes))
    ]


def _nearest(prefix: str, names: Sequence[str]) -> str:
    known = dict.fromkeys(part for name in names for part in accumulate(name.split("."), lambda a, b: f"{a}.{b}"))
    near = get_close_matches(prefix.rstrip("."), known, 3, cutoff=0.6)
    if near:
        return f"the nearest are {', '.join(near)}"
    return f"they begin with {', '.join(dict.fromkeys(name.partition('.')[0] for name in names))}"
