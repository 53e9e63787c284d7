"""What each key means: the text below its field in the source, read when it is asked for."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import cache
from itertools import pairwise


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
