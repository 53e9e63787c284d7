"""`repeat`: one configuration, or two, trained and evaluated with several seeds, and what the seeds make of it.

Every training is a normal run of saved/. One that has finished with its configuration and seed is used as it is, and
one that was cut short goes on, so the same command continues a repeat that was stopped.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from talkingface.chain.chain import Chain, carry_out, make_chain
from talkingface.chain.stage import Say
from talkingface.config.identity import what_counts
from talkingface.config.layers import keys_in_files, names_in_files
from talkingface.config.loader import Overrides
from talkingface.config.schema import ConfigError
from talkingface.evaluator.tables import aligned
from talkingface.report.facts import read_facts
from talkingface.report.repeats import Repeats, notes, repeats_table, write_repeats
from talkingface.utils.errors import UserError

MOST_OF_LABEL = 20
"""Letters of a file's name in the names of its runs."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What is trained with every seed."""

    title: str
    """What tables call it."""
    model: str
    dataset: str
    overrides: Overrides
    label: str = ""
    """What its runs' names have besides; empty for the first configuration."""

    def with_seed(self, seed: int) -> Chain:
        """The chain of one seed, whose run is named after it.

        Raises:
            UserError: all that is wrong with the configuration.
        """
        flags = {**self.overrides.flags, "seed": seed}
        plain = make_chain(self.model, self.dataset, replace(self.overrides, flags=flags))
        name = plain.config.run.run_name
        flags["run_name"] = "-".join(filter(None, [name, self.label, f"seed{seed}"]))
        return make_chain(self.model, self.dataset, replace(self.overrides, flags=flags))


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """What was trained and written."""

    groups: tuple[Repeats, ...]
    table: str
    path: Path


def configurations(model: str, dataset: str, overrides: Overrides, *, against: str | None) -> list[Configuration]:
    """The configuration of the command, and the one that a file makes of it.

    Args:
        model: of the command.
        dataset: of the command.
        overrides: the user's layers.
        against: a YAML file whose values stand above all others in the second configuration; it may name another model.

    Raises:
        UserError: the file cannot be read, or is of another dataset.
    """
    first = Configuration(title="as given", model=model, dataset=dataset, overrides=overrides)
    if against is None:
        return [replace(first, title=model)]
    named, given = names_in_files([against]), keys_in_files([against])
    flags = {key: value for key, value in overrides.flags.items() if key not in given}
    other = replace(overrides, files=(*overrides.files, against), flags=flags)
    if overrides.profile is not None and "profile" in given:
        other = replace(other, profile=None)
    second = named.get("model", model)
    title = Path(against).stem
    label = re.sub(r"[^\w+]+", "_", title)[:MOST_OF_LABEL].strip("_")
    return [first, Configuration(title=title, model=second, dataset=dataset, overrides=other, label=label)]


def repeat(
    model: str,
    dataset: str,
    overrides: Overrides,
    *,
    seeds: Sequence[int],
    against: str | None = None,
    dry_run: bool = False,
    say: Say = print,
) -> Repetition | None:
    """Train and evaluate with each seed, and write a table and a page about all of them.

    Args:
        model: name of a catalog row.
        dataset: name of a dataset, or the folder of videos.
        overrides: the user's layers of configuration.
        seeds: two or more.
        against: see `configurations`.
        dry_run: print the plan of every training and write nothing.
        say: takes the lines that tell what happens.

    Returns:
        What was trained; None for a dry run.

    Raises:
        UserError: something given cannot be used; all configurations are looked at before the first training.
    """
    if len(set(seeds)) < 2:
        raise UserError(f"--seeds: wanted two or more different whole numbers, got {','.join(map(str, seeds))}")
    compared = configurations(model, dataset, overrides, against=against)
    _check(compared, seeds)
    jobs = [(one, seed) for seed in dict.fromkeys(seeds) for one in compared]
    found: dict[str, dict[int, Path]] = {one.title: {} for one in compared}
    for number, (one, seed) in enumerate(jobs, 1):
        say(f"\n== {one.title}, seed {seed} ({number} of {len(jobs)})")
        chain = one.with_seed(seed)
        carry_out(chain, "run", dry_run=dry_run, say=say)
        if chain.run is not None:
            found[one.title][seed] = chain.run.path
    if dry_run:
        return None
    groups = tuple(
        Repeats(title=title, runs={seed: read_facts(path) for seed, path in runs.items()})
        for title, runs in found.items()
    )
    path = Path(compared[0].with_seed(seeds[0]).config.run.saved_dir, f"repeat-{_page_name(compared, seeds)}.html")
    write_repeats(path, groups, title=f"{model} on {dataset}: {len(set(seeds))} seeds")
    table = "\n".join([aligned(repeats_table(groups)), *notes(groups)])
    return Repetition(groups=groups, table=table, path=path)


def _check(compared: Sequence[Configuration], seeds: Sequence[int]) -> None:
    """Look at every configuration before the first is trained."""
    for one in compared:
        if "seed" in one.overrides.flags:
            raise ConfigError("seed: every seed is a training of its own here; give them as --seeds=0,1,2")
        if one.with_seed(seeds[0]).config.run.resume == "never":
            raise ConfigError("resume: never would train finished seeds again each time; leave it out")
    marks = {_mark(one, seeds[0]) for one in compared}
    if len(marks) < len(compared):
        raise ConfigError("--against: makes no other training of it: both configurations have the same values")


def _mark(one: Configuration, seed: int) -> str:
    """A hash of what decides the results, apart from the seed."""
    counted = what_counts(one.with_seed(seed).config)
    return hashlib.sha256(json.dumps(counted | {"seed": None}, sort_keys=True).encode()).hexdigest()[:6]


def _page_name(compared: Sequence[Configuration], seeds: Sequence[int]) -> str:
    """The run's name where it has one, else model and dataset and a mark of the values."""
    config = compared[0].with_seed(seeds[0]).config
    given = compared[0].overrides.flags.get("run_name")
    name = str(given) if given else "-".join(_mark(one, seeds[0]) for one in compared)
    return f"{config.model_name}-{config.dataset_name}-{name}"
