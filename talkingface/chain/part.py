"""One model of a chain with its configuration, the models whose weights its training takes, and the clips it sees."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from talkingface.catalog.rows import ModelRow, Need
from talkingface.config.identity import differences, fingerprint
from talkingface.config.layers import Overrides, keys_in_files
from talkingface.config.loader import Resolved
from talkingface.config.schema import Config, ConfigError
from talkingface.data.dataset.filelist import read_lists
from talkingface.trainer.progress import extends


@dataclass(frozen=True, kw_only=True)
class Part:
    """One model of a chain, with its configuration."""

    row: ModelRow
    resolved: Resolved
    needs: tuple[tuple[Need, Part], ...] = ()
    """Models whose weights its training takes."""

    @property
    def config(self) -> Config:
        return self.resolved.config

    @property
    def identity(self) -> str:
        """Short hash of what decides the training's result, noted in a run's status."""
        return fingerprint(self.config)

    @property
    def chain(self) -> list[Part]:
        """All models that its training takes, in the order of training, itself last."""
        found = {one.row.name: one for _, needed in self.needs for one in needed.chain}
        return [*found.values(), self]

    def continues(self, stored: Mapping[str, Any]) -> bool:
        """Whether a run with this stored configuration is a training of this one."""
        return not self.differences(stored)

    def differences(self, stored: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """In what a run with this stored configuration is another training: key -> value there and here.

        What a training took over from the weights that it found does not count.
        """
        taken = {own for need in self.row.needs for own, _ in need.takes}
        return {key: pair for key, pair in differences(stored, self.config).items() if key not in taken}

    @property
    def own_text(self) -> str:
        """What is said of a search for weights with the values that are given by this model's name."""
        own = self.resolved.own
        return f" with the {', '.join(sorted(own))} given for it" if own else ""

    def has_own_values(self, stored: Mapping[str, Any] | None, status: Mapping[str, Any]) -> bool:
        """Whether a finished run has the values that are given by this model's name (`SyncNet.max_steps`)."""
        own = self.resolved.own
        if not own:
            return True
        if stored is None or extends(self.config.model, status):
            return False
        return not differences(stored, self.config).keys() & own

    def given(self, need: Need) -> str | None:
        """The checkpoint that the configuration names for a need."""
        path: str | None = getattr(self.config.model, need.path_key)
        return path


def check_named(part: Part, overrides: Overrides) -> None:
    """Refuse keys of models that this training does not take, such as an expert's where its weight is 0.

    Raises:
        ConfigError: a line for each such key.
    """
    files = dict.fromkeys(keys_in_files(overrides.files), "--config_files")
    given = {**files, **dict.fromkeys(overrides.flags, overrides.flags_from)}
    taken = {one.row.name.casefold() for one in part.chain}
    problems = [
        f"{key}: {part.row.name} with this configuration trains no {name} ({where}); leave it out"
        for key, where in given.items()
        if (name := key.rpartition(".")[0]) and name.casefold() not in taken
    ]
    if problems:
        raise ConfigError("\n".join(problems))


def check_same(need: Need, config: Config, needed: Config) -> None:
    """Refuse a model and what it needs where they differ in what must be alike.

    Raises:
        ConfigError: names the first such key and both values.
    """
    for key in need.same:
        own, other = getattr(config.model, key), getattr(needed.model, key)
        if own != other:
            raise ConfigError(
                f"{key}: {config.model_name} has {own}, its {need.part} {needed.model_name} has {other}; set both alike"
            )


def selection(config: Config) -> dict[str, Any]:
    """How clips are chosen and corrected by their sync; empty where they are taken as they are."""
    data = config.dataset
    if not data.uses_sync:
        return {}
    return {key: getattr(data, key) for key in ("correct_offset", "max_offset", "min_confidence")}


def clips_mark(config: Config) -> str:
    """Changes when a clip is added to the lists of training or validation, or taken off."""
    lists = read_lists(config.dataset.filelist_root)
    return hashlib.sha256(json.dumps([lists.get("train"), lists.get("val")]).encode()).hexdigest()[:12]
