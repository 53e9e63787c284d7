"""What makes two trainings the same: names, seed and every field that changes what is learnt.

Fields of the kinds place and cadence (`config.kinds`) never count. Runs are compared by the configuration stored beside
them, which may be of an earlier version: retired keys are dropped, renamed ones translated, and keys that it lacks have
the value that a training amounted to without them (`config.keys.BEFORE`), or else their default.

Weights that a training takes are named by their path. They are compared apart (`differences`), because a run stores
the path that was found where the user gave none, and none asks for whatever there is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from talkingface.config.keys import BEFORE, NAMES, PARTS, sort_stored
from talkingface.config.kinds import Kind, field_kinds, is_path
from talkingface.config.plain import to_plain
from talkingface.config.schema import Config
from talkingface.config.typed import coerce, field_types

ABSENT = "absent"
"""Stands for a value that a stored configuration lacks and that has no default."""


def identity(config: Config | Mapping[str, Any], *, like: Config | None = None) -> str:
    """Short hash of what decides a training's result, apart from the weights that it takes.

    Args:
        config: a configuration, or one stored as plain data.
        like: a configuration of the same model and kind of dataset, whose schemas plain data are read by.
    """
    pattern = config if isinstance(config, Config) else like
    assert pattern is not None, "plain data do not say which schemas they are of"
    paths = _path_keys(pattern)
    values = {key: value for key, value in what_counts(config, like=like).items() if key not in paths}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


fingerprint = identity
"""The name of `identity` in a run's status.json."""


def differences(stored: Mapping[str, Any], wanted: Config) -> dict[str, tuple[Any, Any]]:
    """In what a stored training differs from the one wanted: key -> value there and here; empty if it is the same one.

    A path of weights that is none in `wanted` equals any.

    Args:
        stored: plain data of a checkpoint or a run (`config.plain.read_config`), of this or an earlier version.
        wanted: the configuration of a training to be started or continued.
    """
    there, here = what_counts(stored, like=wanted), what_counts(wanted)
    if any(there[name] != here[name] for name in NAMES):
        return {name: (there[name], here[name]) for name in NAMES if there[name] != here[name]}
    free = {key for key in _path_keys(wanted) if here.get(key) is None}
    pairs = {key: (there.get(key, ABSENT), here.get(key, ABSENT)) for key in {**here, **there} if key not in free}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def what_counts(config: Config | Mapping[str, Any], *, like: Config | None = None) -> dict[str, Any]:
    """Names and result fields as plain values, paths of weights in one spelling; arguments as of `identity`.

    Keys that this version does not know count as they stand: what they change cannot be told.
    """
    pattern = config if isinstance(config, Config) else like
    assert pattern is not None, "plain data do not say which schemas they are of"
    plain = to_plain(config) if isinstance(config, Config) else config
    schemas = {part: type(getattr(pattern, part)) for part in PARTS}
    parts = {part: plain[part] for part in PARTS if isinstance(plain.get(part), Mapping)}
    flat = {key: value for values in parts.values() for key, value in values.items()}
    stored = sort_stored(flat, {key for schema in schemas.values() for key in field_types(schema)})
    found: dict[str, Any] = {name: plain.get(name) for name in NAMES}
    for part, schema in schemas.items():
        kinds, types = field_kinds(schema), field_types(schema)
        for field in fields(schema):
            if kinds[key := field.name] is Kind.RESULT:
                default = BEFORE.get(key, _default(field)) if part in parts else ABSENT
                found[key] = _comparable(types[key], stored.values.get(key, default))
    if not found["correct_offset"] and found["max_offset"] is None and found["min_confidence"] is None:
        del found["sync_expert"]  # it measures the clips and changes nothing, see `DatasetConfig.uses_sync`
    return found | {key: flat[key] for key in stored.unknown}


def _default(field: Field[Any]) -> Any:
    if field.default is not MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not MISSING else ABSENT


def _comparable(hint: Any, value: Any) -> Any:
    """A value as plain data in the form that the field's type gives it; one that does not fit it stays as it is."""
    try:
        value = json.loads(json.dumps(coerce(hint, value)))
    except ValueError:
        return value
    return one_spelling(value) if is_path(hint) and value is not None else value


def one_spelling(text: str) -> str:
    """One spelling for all of a path: below the working directory relative to it, else absolute.

    A run's folder stands for its best weights, as in `model.checkpoint.checkpoint_file`.
    """
    path, here = Path(text).expanduser().resolve(), Path.cwd().resolve()
    if path.parts[-2:] == ("checkpoints", "best.pth"):
        path = path.parent.parent
    elif path.name == "checkpoints":
        path = path.parent
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


def _path_keys(config: Config) -> set[str]:
    return {key for part in PARTS for key, hint in field_types(type(getattr(config, part))).items() if is_path(hint)}
