"""A `Config` as plain data and back: in checkpoints, and as the YAML file beside every run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import yaml

from talkingface.config.loader import Resolved
from talkingface.config.schema import Config, ConfigError, DatasetConfig, ModelConfig, RunConfig
from talkingface.config.typed import coerce, field_types
from talkingface.config.yaml_file import read_scalar, read_yaml

NAMES = ("model_name", "dataset_name")


def to_plain(config: Config) -> dict[str, Any]:
    """Names, and the three parts as mappings of numbers, text, lists and None."""
    plain = json.loads(json.dumps(asdict(config)))
    return dict(plain)


def from_plain(plain: Mapping[str, Any], *, dataset: type[DatasetConfig], model: type[ModelConfig]) -> Config:
    """Rebuild a configuration that `to_plain` made.

    Keys that a part no longer has are an error: a checkpoint made by another version must not be misread.

    Raises:
        ConfigError: all that does not fit the schemas, one line per problem.
    """
    problems = [f"{key}: wanted text" for key in NAMES if not isinstance(plain.get(key), str)]
    parts = {
        name: _part(name, schema, plain.get(name), problems)
        for name, schema in (("run", RunConfig), ("dataset", dataset), ("model", model))
    }
    if problems:
        raise ConfigError("\n".join(problems))
    return Config(model_name=plain["model_name"], dataset_name=plain["dataset_name"], **parts)


def _part(name: str, schema: type[Any], values: Any, problems: list[str]) -> Any:
    if not isinstance(values, Mapping):
        problems.append(f"{name}: wanted a mapping, got {values!r}")
        return None
    types = field_types(schema)
    kwargs = {}
    for key, value in values.items():
        if key not in types:
            problems.append(f"{name}.{key}: unknown key; made by another version?")
            continue
        try:
            kwargs[key] = coerce(types[key], value)
        except ValueError as error:
            problems.append(f"{name}.{key}: {error}")
    if problems:
        return None
    try:
        return schema(**kwargs)
    except (TypeError, ValueError) as error:
        problems.append(f"{name}: {error}")
        return None


def to_yaml(config: Config, *, header: str = "") -> str:
    """The configuration as YAML text; `header` becomes its first comment lines."""
    comment = "".join(f"# {line}\n" for line in header.splitlines())
    return comment + yaml.safe_dump(to_plain(config), sort_keys=False, allow_unicode=True)


def read_plain(path: Path) -> dict[str, Any]:
    """Read a file that `to_yaml` made.

    Raises:
        ConfigError: the file is absent or is not such a file.
    """
    problems: list[str] = []
    plain = {key: entry.value for key, entry in read_yaml(path, problems).items()}
    if problems:
        raise ConfigError("\n".join(problems))
    return plain


def fingerprint(config: Config, *, apart_from: tuple[str, ...] = ()) -> str:
    """Short hash of what decides a training's result: names, dataset, model, seed.

    Where things are written, how many loader processes there are and on what device it runs do not count.
    """
    plain = to_plain(config)
    counted = {key: plain[key] for key in (*NAMES, "dataset", "model")} | {"seed": config.run.seed}
    counted["model"] = {key: value for key, value in plain["model"].items() if key not in apart_from}
    return hashlib.sha256(json.dumps(counted, sort_keys=True).encode()).hexdigest()[:12]


def field_names(schema: type) -> list[str]:
    """Keys of a schema, in the order of its declaration."""
    return [field.name for field in fields(schema)]


def show(resolved: Resolved) -> str:
    """Every key with its value and the layer that set it; the text is itself a file for `--config_files`."""
    config = resolved.config
    plain = to_plain(config)
    lines = [f"# {config.model_name} on {config.dataset_name}, profile {resolved.profile or 'none'}"]
    for part in ("run", "dataset", "model"):
        rows = [(f"{key}: {_scalar(value)}", resolved.origin[key]) for key, value in plain[part].items()]
        width = max(len(text) for text, _ in rows)
        lines += ["", f"# {part}", *(f"{text:{width}}  # {origin}" for text, origin in rows)]
    return "\n".join(lines) + "\n"


def _scalar(value: Any) -> str:
    """A value on one line of YAML."""
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else _text(value)


def _text(value: str) -> str:
    """Text without quotes where YAML reads it back as the same text."""
    plain = value and read_scalar(value) == value and " #" not in value and value == value.strip()
    return value if plain else json.dumps(value, ensure_ascii=False)
