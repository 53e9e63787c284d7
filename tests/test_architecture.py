"""docs/architecture.md shows the house as it is: its rooms, its arrows, and the files that its walks name."""

from __future__ import annotations

import re

from test_layers import LAYERS, PACKAGE, import_graph

PAGE = (PACKAGE.parent / "docs/architecture.md").read_text(encoding="utf-8")
DRAWING = re.search(r"```mermaid\n(.*?)```", PAGE, re.S)


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_every_room_has_a_paragraph_and_none_is_invented():
    told = re.findall(r"^- \*\*(\w+)\*\*", PAGE, re.M)
    assert sorted(told) == sorted([*LAYERS, "properties"])


def test_every_room_is_drawn():
    assert DRAWING is not None
    assert set(re.findall(r"\w+", DRAWING[1])) - {"flowchart", "TD"} == set(LAYERS)


def test_every_arrow_is_an_import():
    assert DRAWING is not None
    there = {(room(name), room(other)) for name, found in import_graph().items() for other in found}
    drawn = re.findall(r"(\w+) --> (\w+)", DRAWING[1])
    assert drawn and [pair for pair in drawn if pair not in there] == []


def test_the_files_that_the_walks_name_are_there():
    named = set(re.findall(r"`((?:\w+/)*\w+\.py)`", PAGE))
    root = PACKAGE.parent
    absent = [name for name in sorted(named) if not (PACKAGE / name).is_file() and not (root / name).is_file()]
    assert named and absent == []
