"""Paragraphs and tables as wide as the terminal."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Mapping

WIDEST = 120
"""Longer lines are hard to read."""


def columns() -> int:
    """Width to write for: the terminal's, between 40 and `WIDEST`; 80 where there is none."""
    return min(max(shutil.get_terminal_size().columns, 40), WIDEST)


def is_terminal() -> bool:
    """Whether there is a width to write for: a terminal, or one that is given by COLUMNS."""
    return sys.stdout.isatty() or "COLUMNS" in os.environ


def hanging(head: str, text: str, width: int, *, indent: int | None = None) -> str:
    """`text` after `head`, its further lines under its first one or `indent` letters in; words are never broken."""
    if not text:
        return head.rstrip()
    return textwrap.fill(
        text,
        width,
        initial_indent=head,
        subsequent_indent=" " * (len(head) if indent is None else indent),
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(title: str, rows: Mapping[str, str], width: int, *, least: int = 0) -> list[str]:
    """A title, then names, `least` letters wide or more, with their texts beside them."""
    wide = max([least, *map(len, rows)])
    return [title, *(hanging(f"  {name:{wide}}  ", text, width) for name, text in rows.items())]
