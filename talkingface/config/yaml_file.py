"""One flat YAML file read strictly: every value with its file and line, duplicate keys refused.

Scalars follow YAML 1.2: `1e-4` is a number, `no`, `off` and `on` are text, only `true` and `false` are booleans,
`010` is ten, and dates are text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from talkingface.config.schema import ConfigError

PROPERTIES = Path(__file__).resolve().parent.parent / "properties"
"""The package's own files."""
OWN_PROPERTIES = Path("properties")
"""The user's, in the working directory; see `config.layers`."""


@dataclass(frozen=True)
class Entry:
    """A value as it was given, and where."""

    value: Any
    """Plain YAML data, or a `FlagText`."""
    where: str
    """`properties/overall.yaml:7`, `your properties/overall.yaml:2`, or `command line`."""


class FlagText(str):
    """The text of a command-line value; the field's type decides how it is read."""


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (pyyaml's own form)


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), [*"~nN", ""])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), [*"tTfF"]
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), [*"-+0123456789"])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf)|\.(?:nan|NaN))$"),
    [*"-+0123456789."],
)
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))


def read_scalar(text: str) -> Any:
    """Read the text of a flag as YAML would: `5` is a number, `[1, 2]` a list; text that is no YAML stays text."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError:
        return text


def shown(path: Path) -> str:
    """A path as messages name it: built-in files from `properties/` on, the user's `your properties/...`, others as
    they were given."""
    if path.is_relative_to(PROPERTIES):
        return (PROPERTIES.name / path.relative_to(PROPERTIES)).as_posix()
    return f"your {path.as_posix()}" if path.is_relative_to(OWN_PROPERTIES) else str(path)


def read_yaml(path: Path, problems: list[str]) -> dict[str, Entry]:
    """Read a flat mapping; what is wrong with the file is added to `problems`, line by line.

    Raises:
        ConfigError: the file cannot be read at all.
    """
    name = shown(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8 text ({error.reason} at byte {error.start})") from None
    return _parse(text, name, problems)


def _parse(text: str, name: str, problems: list[str]) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return entries
        if not isinstance(root, yaml.MappingNode):
            problems.append(f"{name}: wanted lines of `key: value`, got something else")
            return entries
        for key_node, value_node in root.value:
            where = f"{name}:{key_node.start_mark.line + 1}"
            key = str(key_node.value)
            if key in entries:
                problems.append(f"{key}: given twice ({entries[key].where} and {where})")
            entries[key] = Entry(loader.construct_object(value_node, deep=True), where)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        problems.append(f"{name}{line}: not YAML ({error.problem})")
    except yaml.YAMLError as error:
        problems.append(f"{name}: not YAML ({str(error).splitlines()[0]})")
    return entries
