"""Imports go only downward, and data and model never import each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "talkingface"
LAYERS = {
    "batch": 0, "pictures": 0, "utils": 0, "config": 1, "catalog": 2, "timing": 2, "data": 3, "demo": 3, "model": 3,
    "generate": 4, "evaluator": 5, "trainer": 6, "report": 7, "chain": 8, "quick_start": 9, "cli": 10,
}  # fmt: skip
HEAVY = ("mediapipe", "av", "librosa", "skimage", "matplotlib", "face_alignment", "soundfile", "scipy", "optuna")
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


def import_graph() -> dict[str, set[str]]:
    """For every module of the package, the modules of it that it imports anywhere, inside functions too."""
    files = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    graph: dict[str, set[str]] = {name.removesuffix(".__init__"): set() for name in files}
    for name, path in files.items():
        package = tuple(name.split(".")[:-1])
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named: list[str] = []
            if isinstance(node, ast.Import):
                named = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
                module = ".".join(part for part in (base, node.module) if part)
                named = [f"{module}.{alias.name}" for alias in node.names] + [module]
                if any(one in graph for one in named[:-1]):  # names are modules: the package itself is not asked
                    named = named[:-1]
            graph[name.removesuffix(".__init__")] |= {one for one in named if one in graph}
    return {name: found - {name} for name, found in graph.items()}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that reach each other by imports."""
    reach: dict[str, set[str]] = {}
    for name in graph:
        seen, todo = set(), [name]
        while todo:
            for other in graph[todo.pop()] - seen:
                seen.add(other)
                todo.append(other)
        reach[name] = seen
    found = {tuple(sorted(other for other in reach[name] if name in reach[other])) for name in graph}
    return [list(group) for group in sorted(found) if group]


def test_no_modules_import_each_other_in_a_circle():
    assert circles(import_graph()) == []


def test_the_check_sees_a_circle():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]


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
