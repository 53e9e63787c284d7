"""Imports go only downward, and data and model never import each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "talkingface"
LAYERS = {
    "batch": 0, "utils": 0, "config": 1, "data": 2, "model": 2, "generate": 3, "evaluator": 4, "trainer": 5,
    "quick_start": 6, "allocator": 7, "arguments": 7, "cli": 7,
}  # fmt: skip
INSIDE_CLI = {"allocator", "arguments"}
"""Parts of the command line, which `cli` imports."""
HEAVY = ("mediapipe", "av", "librosa", "skimage", "matplotlib", "face_alignment", "soundfile", "scipy")
"""Packages that only the functions that use them import."""


def imported_modules(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Line and full name of every module that a file imports, relative imports resolved."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield node.lineno, module
            if module == "talkingface":
                yield from ((node.lineno, f"talkingface.{alias.name}") for alias in node.names)


def violations(path: str, source: str) -> list[str]:
    """`path:line: data (layer 2) imports trainer (layer 5)` for each import that goes up or sideways."""
    parts = Path(path).with_suffix("").parts
    own = parts[1] if len(parts) > 1 else ""
    found = []
    for line, module in imported_modules(ast.parse(source), parts[:-1]):
        target = module.split(".")
        if target[0] != "talkingface" or len(target) < 2 or target[1] == own or own == "__init__":
            continue
        if own == "cli" and target[1] in INSIDE_CLI:
            continue
        if LAYERS[target[1]] >= LAYERS[own] and LAYERS[target[1]] > 0:
            found.append(f"{path}:{line}: {own} (layer {LAYERS[own]}) imports {target[1]} (layer {LAYERS[target[1]]})")
    return found


def test_imports_go_down():
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE.parent))
        found += violations(name, path.read_text(encoding="utf-8"))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("talkingface/data/x.py", "from talkingface.trainer import Trainer"),
        ("talkingface/data/x.py", "import talkingface.model.base"),
        ("talkingface/model/x.py", "def f():\n    from talkingface.data.dataset import store"),
        ("talkingface/utils/x.py", "from ..config import schema"),
        ("talkingface/quick_start/x.py", "from talkingface import cli"),
    ],
)
def test_the_check_sees_a_wrong_import(path: str, source: str):
    (line,) = violations(path, source)
    assert line.startswith(path) and " imports " in line


def test_every_top_level_name_has_a_layer():
    names = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert names - {"__init__"} == LAYERS.keys()


def test_heavy_packages_are_imported_where_they_are_used():
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for line, module in imported_modules(node, ()) if isinstance(node, (ast.Import, ast.ImportFrom)) else ():
                if module.split(".")[0] in HEAVY:
                    found.append(f"{path.relative_to(PACKAGE.parent)}:{line}: imports {module} at module level")
    assert not found, "\n".join(found)
