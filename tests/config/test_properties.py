"""Every built-in YAML loads for every model, and every key is used."""

from __future__ import annotations

import ast
from dataclasses import fields
from itertools import product
from pathlib import Path

import pytest

from talkingface import catalog
from talkingface.catalog.resolve import resolve
from talkingface.config.loader import Overrides, profiles
from talkingface.config.schema import DatasetConfig, ModelConfig, RunConfig
from talkingface.config.yaml_file import PROPERTIES

PACKAGE = PROPERTIES.parent
YAMLS = sorted(PROPERTIES.rglob("*.yaml"))
MODELS = [row.name for row in catalog.MODELS]
DATASETS = [path.stem for path in (PROPERTIES / "dataset").glob("*.yaml")]


@pytest.mark.parametrize(("model", "dataset", "profile"), list(product(MODELS, DATASETS, [None, "none", *profiles()])))
def test_every_combination_loads(model: str, dataset: str, profile: str | None):
    assert resolve(model, dataset, Overrides(profile=profile)).config.model_name == model


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: str(path.relative_to(PROPERTIES)))
def test_every_file_begins_with_the_command_that_uses_it(path: Path):
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert "python run_talkingface.py" in first
    if path.parent.name == "model":
        assert f"--model={path.stem} " in f"{first} "


def test_every_file_belongs_to_something():
    assert {path.stem for path in (PROPERTIES / "model").glob("*.yaml")} == set(MODELS)
    for name in profiles():
        assert {path.stem for path in (PROPERTIES / "profile" / name).glob("*.yaml")} <= {"all", *DATASETS, *MODELS}


def attributes_read() -> set[str]:
    """Names read as attributes anywhere in the package, apart from the checks of a schema on itself."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        checks = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "__post_init__"]
        inside = {id(node) for check in checks for node in ast.walk(check)}
        found |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and id(node) not in inside}
        calls = [
            node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "getattr"
        ]
        found |= {call.args[1].value for call in calls if isinstance(call.args[1], ast.Constant)}
    return found


def test_every_key_is_read_somewhere():
    schemas = [RunConfig, DatasetConfig, ModelConfig]
    schemas += [catalog.load(row.config) for row in (*catalog.MODELS, *catalog.DATASETS)]
    read = attributes_read() | {need.path_key for row in catalog.MODELS for need in row.needs}
    unread = {
        f"{schema.__name__}.{field.name}" for schema in schemas for field in fields(schema) if field.name not in read
    }
    assert not unread


def test_no_key_is_in_two_schemas():
    for row, dataset in product(catalog.MODELS, (*catalog.DATASETS, catalog.VIDEOS)):
        parts = [RunConfig, catalog.load(dataset.config), catalog.load(row.config)]
        names = [field.name for part in parts for field in fields(part)]
        assert len(names) == len(set(names))
