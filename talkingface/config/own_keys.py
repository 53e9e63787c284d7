"""Keys of one model of a chain, written `SyncNet.max_steps`: in the user's files and flags, above the plain keys there.

A plain key of the model's part is for the model that the command names; one with a model's name before it is for that
model, whether it is the one named or one that is trained first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from talkingface.config.yaml_file import Entry


@dataclass(frozen=True, kw_only=True)
class ChainKeys:
    """The models of a command, and which keys each of them may be given."""

    models: Callable[[], tuple[str, ...]] = tuple
    """Models that a training of the one asked for may take; empty where the command is of no model."""
    known: Callable[[], tuple[str, ...]] = tuple
    """All models there are."""
    keys: Callable[[str], set[str]] = lambda model: set()
    """Keys of a model's own part of the configuration."""


def split(layer: Mapping[str, Entry]) -> tuple[dict[str, Entry], dict[str, Entry]]:
    """The plain entries of a layer, and those with a model's name before the key."""
    plain = {key: entry for key, entry in layer.items() if "." not in key}
    return plain, {key: entry for key, entry in layer.items() if "." in key}


def own(entries: Mapping[str, Entry], model: str) -> dict[str, Entry]:
    """Of entries with a model's name those of one model, without it."""
    parted = {key: (key.rpartition(".")[0], key.rpartition(".")[2]) for key in entries}
    return {name: entries[key] for key, (of, name) in parted.items() if of.casefold() == model.casefold()}


def check(
    entries: Mapping[str, Entry],
    chain: ChainKeys,
    *,
    run_keys: Iterable[str],
    shared: Iterable[str],
    aliases: Mapping[str, str],
) -> list[str]:
    """A line for each entry that no model of the chain can use.

    Args:
        entries: those with a model's name before the key.
        chain: the models of the command.
        run_keys: keys of the run, which a model may have for itself too.
        shared: keys of the dataset, which all models of a chain share.
        aliases: other names of keys.
    """
    problems = []
    of_run, of_data = set(run_keys), set(shared)
    for given, entry in entries.items():
        name, _, key = given.rpartition(".")
        key = aliases.get(key, key)
        models = chain.models() or chain.known()
        model = _spelt(name, models)
        if model is None:
            there = _spelt(name, chain.known())
            what = f"{there} is not a model of this chain" if there else f"unknown model {name!r}"
            problems.append(f"{given}: {what} ({entry.where}); it has {', '.join(models)}")
        elif key in of_data:
            problems.append(f"{given}: all models of a chain share the dataset ({entry.where}); write {key}")
        elif key not in of_run and key not in chain.keys(model):
            problems.append(f"{given}: {model} has no key {key!r} ({entry.where}); `--print-config` lists those it has")
    return problems


def _spelt(name: str, known: Iterable[str]) -> str | None:
    return next((one for one in known if one.casefold() == name.casefold()), None)
