"""A `Config` as plain data for checkpoints, and as a file beside every run that `--config_files` takes back."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from talkingface.config.keys import NAMES, PARTS, PROFILE
from talkingface.config.loader import Resolved
from talkingface.config.schema import Config, ConfigError, DatasetConfig, ModelConfig, RunConfig
from talkingface.config.typed import field_types
from talkingface.config.yaml_file import read_scalar, read_yaml


def meanings(schema: type) -> Mapping[str, str]:
    """Key -> the docstring below the field, on one line.

    A subclass that only gives a field another default has its base's text; where the source is not at hand, there is
    none.
    """
    found: dict[str, str] = {}
    for owner in reversed(schema.__mro__):
        if is_dataclass(owner):
            found |= _own(owner)
    return found


@cache
def _own(owner: type) -> Mapping[str, str]:
    """The texts that a class has itself."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(owner)))
    except (OSError, SyntaxError):
        return {}
    (body,) = (node.body for node in tree.body if isinstance(node, ast.ClassDef))
    found: dict[str, str] = {}
    for field, below in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found[ast.unparse(field.target)] = " ".join(str(below.value.value).split())
    return found


WIDTH = 120
"""Columns of what `--print-config` prints."""


def to_plain(config: Config) -> dict[str, Any]:
    """Names, and the three parts as mappings of numbers, text, lists and None."""
    plain = json.loads(json.dumps(asdict(config)))
    return dict(plain)


def to_yaml(
    config: Config,
    *,
    origin: Mapping[str, str] | None = None,
    profile: str | None = None,
    with_meanings: bool = False,
) -> str:
    """The configuration as the text of a flat YAML file, which `--config_files` and `read_config` take.

    Args:
        config: what to write.
        origin: key -> the layer that set it, written behind the value.
        profile: name of the profile in force, where it is known: the models that this one needs take it too.
        with_meanings: write below each key what it means.
    """
    plain = to_plain(config)
    lines = [f"{name}: {_scalar(plain[name])}" for name in NAMES if plain[name]]
    lines += [f"{PROFILE}: {_scalar(profile)}"] if profile else []
    for part in PARTS:
        said = meanings(type(getattr(config, part))) if with_meanings else {}
        rows = {key: f"{key}: {_scalar(value)}" for key, value in plain[part].items()}
        width = max(map(len, rows.values())) if origin else 0
        lines += ["", f"# {part}"]
        for key, row in rows.items():
            lines.append(f"{row:{width}}  # {origin[key]}" if origin else row)
            lines += textwrap.wrap(said.get(key, ""), WIDTH, initial_indent="#   ", subsequent_indent="#   ")
    return "\n".join(lines) + "\n"


def show(resolved: Resolved) -> str:
    """Every key with its value, the layer that set it and what it means; itself a file for `--config_files`."""
    config = resolved.config
    profile = resolved.profile or "none"
    title = f"# {config.model_name} on {config.dataset_name}, profile {profile}\n"
    text = title + to_yaml(config, origin=resolved.origin, profile=profile, with_meanings=True)
    lines = [f"# {line}\n" for line in resolved.moved.lines()]
    return text + "".join(["\n# keys of other projects\n", *lines] if lines else [])


def read_config(path: Path) -> dict[str, Any]:
    """Read the configuration saved beside a run, as `to_plain` gives it, whichever version wrote it.

    Older runs have a mapping for each part; newer ones are flat. Nothing is checked against today's schemas: runs of
    other versions, and of models that are not installed, can be read too.

    Raises:
        ConfigError: the file is absent or is not such a file.
    """
    problems: list[str] = []
    values = {key: entry.value for key, entry in read_yaml(path, problems).items()}
    if problems:
        raise ConfigError("\n".join(problems))
    if any(isinstance(values.get(part), Mapping) for part in PARTS):
        return values
    known = {key: part for part, schema in zip(PARTS, (RunConfig, DatasetConfig, ModelConfig), strict=True)
             for key in field_types(schema)}  # fmt: skip
    plain: dict[str, Any] = {name: values.pop(name) for name in NAMES if name in values}
    plain |= {part: {} for part in PARTS}
    values.pop(PROFILE, None)
    part = PARTS[0]
    for key, value in values.items():
        part = known.get(key, part)  # a key that a kind of dataset or a model adds stands behind the shared ones
        plain[part][key] = value
    return plain


def as_text(value: Any) -> str:
    """A value as tables and messages show it."""
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None else str(value)


def _scalar(value: Any) -> str:
    """A value on one line of YAML."""
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else _text(value)


def _text(value: str) -> str:
    """Text without quotes where YAML reads it back as the same text."""
    plain = value and read_scalar(value) == value and " #" not in value and value == value.strip()
    return value if plain else json.dumps(value, ensure_ascii=False)
