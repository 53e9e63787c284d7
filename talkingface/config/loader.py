"""From layers of settings to one typed `Config`, with all problems at once and the origin of every value.

The layers and their order are described in `config.layers`. Keys are flat and each belongs to exactly one schema: run,
dataset, or the model's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from talkingface.config import own_keys
from talkingface.config.keys import ALIASES, OF_ONE_RUN, RETIRED, Schemas, known_keys, sort_stored
from talkingface.config.layers import Layers, Overrides, profiles, read_layers
from talkingface.config.schema import Config, ConfigError, RunConfig
from talkingface.config.translate import Moved
from talkingface.config.typed import coerce, field_types
from talkingface.config.yaml_file import Entry

__all__ = ["Overrides", "Resolved", "Schemas", "load_config", "profiles"]


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """A configuration, and where each of its values came from."""

    config: Config
    origin: Mapping[str, str]
    """Key -> `properties/overall.yaml:7`, `command line`, `default` or `dataset's name`."""
    profile: str | None
    """Name of the profile in force."""
    notes: tuple[str, ...] = ()
    """Lines to tell the user: keys of an older checkpoint that have been retired since, and in one line what became of
    keys of other projects."""
    moved: Moved = field(default_factory=Moved)
    """What became of keys of other projects."""
    own: frozenset[str] = frozenset()
    """Keys that the user gave with this model's name before them (`SyncNet.max_steps`)."""
    overridden: tuple[tuple[str, Entry, Entry], ...] = ()
    """Keys that the profile sets to another value than a file of the model, the dataset or the user: key, the profile's
    entry, and the other one."""


def load_config(
    *,
    model_name: str,
    dataset_name: str,
    schemas: Schemas,
    overrides: Overrides | None = None,
    folders: Mapping[str, str] | None = None,
    asked_for: bool = True,
) -> Resolved:
    """Resolve all layers for one model on one dataset.

    Args:
        model_name: decides properties/model/<model_name>.yaml and the profile's file.
        dataset_name: decides properties/dataset/<dataset_name>.yaml and the default folders.
        schemas: types of the three parts.
        overrides: the user's own files and flags.
        folders: dataset folders that differ from dataset/<dataset_name>/...
        asked_for: whether this is the model that the user named. A model that is only needed by it takes from the
            overrides the keys of the run and the dataset, not those of the model asked for.

    Raises:
        ConfigError: all that is wrong, one line per problem.
    """
    overrides = overrides or Overrides()
    problems: list[str] = []
    notes: list[str] = []
    moved = Moved()
    layers = read_layers(
        model_name, dataset_name, overrides, folders=folders or {}, asked_for=asked_for, problems=problems
    )
    merged = dict(layers.folders)
    for layer in layers.shared:
        merged.update(known_keys(layer, schemas, strict=False, problems=problems, moved=moved))
    of_profile: dict[str, Entry] = {}
    for layer in layers.profiled:
        of_profile.update(known_keys(layer, schemas, strict=False, problems=problems, moved=moved))
    overridden = _overridden(merged, of_profile)
    merged.update(of_profile)
    for layer in _of_the_command(layers, overrides, schemas, asked_for, problems, notes, moved):
        merged.update(layer)
    own = _named_with_the_model(layers, model_name, schemas, problems if asked_for else None)
    merged.update(own)
    config = _build(model_name, dataset_name, schemas, merged, problems)
    notes += filter(None, [moved.summary()])
    origin = {key: merged[key].where if key in merged else "default" for key in schemas.declared()}
    return Resolved(
        config=config, origin=origin, profile=layers.profile, notes=tuple(notes), moved=moved, own=frozenset(own),
        overridden=tuple(one for one in overridden if merged[one[0]] is one[1]),
    )  # fmt: skip


def _named_with_the_model(
    layers: Layers, model_name: str, schemas: Schemas, problems: list[str] | None
) -> dict[str, Entry]:
    """The user's entries for one model of a chain, written `SyncNet.max_steps`; `problems` takes what is wrong."""
    own: dict[str, Entry] = {}
    for layer in layers.given:
        named = own_keys.split(layer)[1]
        if problems is not None:
            problems += own_keys.check(
                named, schemas.chain, run_keys=field_types(RunConfig), shared=field_types(schemas.dataset),
                aliases=ALIASES,
            )  # fmt: skip
        own.update(known_keys(own_keys.own(named, model_name), schemas, strict=False, problems=[], moved=Moved()))
    return own


def _overridden(merged: Mapping[str, Entry], of_profile: Mapping[str, Entry]) -> list[tuple[str, Entry, Entry]]:
    """Keys to which the profile gives another value than the files below it."""
    pairs = [(key, entry, merged[key]) for key, entry in of_profile.items() if key in merged]
    return [pair for pair in pairs if pair[1].value != pair[2].value]


def _of_the_command(
    layers: Layers,
    overrides: Overrides,
    schemas: Schemas,
    asked_for: bool,
    problems: list[str],
    notes: list[str],
    moved: Moved,
) -> list[dict[str, Entry]]:
    """The checkpoint's values and what the user gave, as far as they concern this model."""
    stored, place = sort_stored(layers.stored, schemas.declared()), overrides.stored_from
    going_on = sort_stored(overrides.going_on, schemas.declared()).values
    found = [{key: Entry(value, overrides.going_on_from) for key, value in going_on.items()}]
    found += [{key: Entry(value, place) for key, value in stored.values.items()}]
    given = [own_keys.split(layer)[0] for layer in layers.given]
    found += [known_keys(layer, schemas, strict=asked_for, problems=problems, moved=moved) for layer in given]
    if not asked_for:
        not_its = {*field_types(schemas.model), *OF_ONE_RUN}
        found = [{key: entry for key, entry in layer.items() if key not in not_its} for layer in found]
        return found + [
            known_keys(layer, schemas, strict=False, problems=[], moved=Moved(), of_part=True) for layer in given
        ]
    problems += [
        f"{key}: stored in {place}, and this version does not know it; stored by a newer version, or with a package "
        "that is not installed"
        for key in stored.unknown
    ]
    notes += [f"{place}: {key} is left out, as it was retired: {RETIRED[key]}" for key in stored.retired]
    return found


def _build(
    model_name: str,
    dataset_name: str,
    schemas: Schemas,
    merged: Mapping[str, Entry],
    problems: list[str],
) -> Config:
    """The typed configuration; raises with all problems where there are some."""
    parts = {schema: _build_part(schema, merged, problems) for schema in schemas.all()}
    if problems:
        raise ConfigError("\n".join(problems))
    run, dataset, model = parts.values()
    return Config(model_name=model_name, dataset_name=dataset_name, run=run, dataset=dataset, model=model)


def _build_part(schema: type[Any], merged: Mapping[str, Entry], problems: list[str]) -> Any:
    """One schema's instance, or None with the reasons in `problems`."""
    values: dict[str, Any] = {}
    before = len(problems)
    for spec in fields(schema):
        entry = merged.get(spec.name)
        if entry is None:
            if spec.default is MISSING and spec.default_factory is MISSING:
                problems.append(f"{spec.name}: needed, and no layer gives it")
            continue
        try:
            values[spec.name] = coerce(field_types(schema)[spec.name], entry.value)
        except ValueError as error:
            problems.append(f"{spec.name}: {error} ({entry.where})")
    if len(problems) > before:
        return None
    try:
        return schema(**values)
    except ValueError as error:
        problems.append(f"{error}{_where(str(error), merged)}")
        return None


def _where(message: str, merged: Mapping[str, Entry]) -> str:
    """Where the keys that a relation's message names before its colon were set."""
    named = message.partition(":")[0].replace(",", " ").split()
    places: Iterable[str] = dict.fromkeys(merged[name].where for name in named if name in merged)
    return f" ({', '.join(places)})" if places else ""
