"""Keys by their names: which schema declares one, former names, keys that were retired, and the nearest known one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from typing import Any

from talkingface.config.foreign_keys import ALIASES, MAPPED
from talkingface.config.own_keys import ChainKeys
from talkingface.config.schema import DatasetConfig, ModelConfig, RunConfig
from talkingface.config.translate import Moved, Named, Translator
from talkingface.config.typed import field_types
from talkingface.config.yaml_file import Entry

NAMES = ("model_name", "dataset_name")
"""What a stored configuration begins with: of which model and dataset it is."""
PARTS = ("run", "dataset", "model")
"""The three schemas as a configuration and its plain data name them."""
PROFILE = "profile"
OF_ONE_RUN = ("run_name", "note")
"""Keys of `RunConfig` that are about the run of the model asked for alone, not about those of models that it needs."""
RETIRED = {
    "lower_jitter": "it moved the lower halves of base faces while HyperLipsHR trained, and no recipe used it",
}
"""Keys of earlier versions that have no successor -> what each did and why it went.

Files and flags that give one are refused; from the configuration of an older checkpoint or run it is left out. A key
that is taken out of a schema is entered here, or in `config.foreign_keys` where another one took its place.
"""
BEFORE: dict[str, Any] = {
    "ema_decay": None,
    "gradient_weight": 0.0,
    "pack_format": "raw",
    "initial_weights_sha256": None,
    "initial_discriminator_sha256": None,
    "initial_strict": True,
    "freeze": (),
    "r1_every": 16,
    "r1_weight": 0.0,
    "spectral_norm": False,
}
"""Keys added since version 0.1 that decide a training's result -> the value that earlier trainings amount to.

A training stored without the key is compared as if it had this value: a new loss stands here with weight 0, whatever
its default is.
"""


@dataclass(frozen=True, kw_only=True)
class Schemas:
    """The types one configuration is checked against."""

    dataset: type[DatasetConfig]
    model: type[ModelConfig]
    elsewhere: Callable[[], set[str]] = set
    """Keys of other models. A shared file may set them; they do not concern this model."""
    serves: Callable[[], Collection[str]] = frozenset
    """The parts of other models' recipes that this model is, such as `expert`."""
    takes: Callable[[], Collection[str]] = frozenset
    """The parts that its own recipe takes from other models, and theirs from others."""
    chain: ChainKeys = field(default_factory=ChainKeys)
    """Which other models may be given keys of their own."""

    def of(self, key: str) -> type | None:
        """The schema that declares `key`."""
        return next((schema for schema in self.all() if key in field_types(schema)), None)

    def all(self) -> tuple[type[RunConfig], type[DatasetConfig], type[ModelConfig]]:
        return (RunConfig, self.dataset, self.model)

    def declared(self) -> list[str]:
        """Every key, in the order of declaration."""
        return [key for schema in self.all() for key in field_types(schema)]


def known_keys(
    layer: Mapping[str, Entry],
    schemas: Schemas,
    *,
    strict: bool,
    problems: list[str],
    moved: Moved,
    of_part: bool = False,
) -> dict[str, Entry]:
    """The entries of a user's or a built-in layer under their present names.

    Args:
        layer: entries by the keys they were given under.
        schemas: what is known.
        strict: whether the layer is meant for this one model: a key of another model is then a problem, where in a
            file that models share it is passed over.
        problems: takes a line for each unknown or retired key, and for one given under two names.
        moved: takes what became of keys of other projects.
        of_part: only what is said of the part of other models' recipes that this model is.
    """
    found: dict[str, Named] = {}
    known = partial(_is_known, schemas)
    translator = Translator(known=known, serves=schemas.serves, takes=schemas.takes, problems=problems, moved=moved)
    for key, one in translator.translate(layer):
        given, entry = one.given, one.entry
        if not known(key):
            if given in schemas.elsewhere() and not strict:
                continue
            if given in RETIRED:
                problems.append(f"{given}: retired ({entry.where}): {RETIRED[given]}; remove it")
            else:
                problems.append(f"{given}: unknown key ({entry.where}){_hint(given, schemas)}")
        elif key in found and found[key].rank == one.rank:
            before = found[key].entry.where
            problems.append(f"{given}: the same as {key!r}, which is given too ({before}, {entry.where})")
        elif key not in found or found[key].rank < one.rank:
            found[key] = one
    return {key: one.entry for key, one in found.items() if one.of_part or not of_part}


def _is_known(schemas: Schemas, key: str) -> bool:
    return schemas.of(key) is not None


@dataclass(frozen=True, kw_only=True)
class StoredKeys:
    """The values that a checkpoint or a run has stored, sorted by what this version makes of them."""

    values: dict[str, Any]
    """Under the present names of their keys."""
    retired: tuple[str, ...]
    """Keys that are left out, see `RETIRED`."""
    unknown: tuple[str, ...]
    """Keys of a newer version, or of a package that is not installed."""


def sort_stored(stored: Mapping[str, Any], declared: Collection[str]) -> StoredKeys:
    """Bring the flat values of an earlier version up to the keys that are declared now."""
    present = {key if key in declared else ALIASES.get(key, key): value for key, value in stored.items()}
    left = [key for key in present if key not in declared]
    return StoredKeys(
        values={key: value for key, value in present.items() if key in declared},
        retired=tuple(key for key in left if key in RETIRED),
        unknown=tuple(key for key in left if key not in RETIRED),
    )


def _hint(key: str, schemas: Schemas) -> str:
    near = get_close_matches(key, [*MAPPED, *schemas.declared(), PROFILE], 1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    other = "; it belongs to another model" if key in schemas.elsewhere() else ""
    return other or "; `--print-config` lists the keys there are"
