"""The table of other projects' keys as docs/moving_over.md prints it: `python -m talkingface.config.foreign_page`."""

from __future__ import annotations

from pathlib import Path

from talkingface.config.foreign import Fixed, ForeignKey, Idle, Mapped, Option
from talkingface.config.foreign_keys import PROJECTS, ROWS
from talkingface.config.translate import shown

BEGIN, END = "<!-- the table of talkingface/config/foreign_keys.py -->\n", "<!-- end of the table -->\n"
PAGE = Path("docs/moving_over.md")


def tables() -> str:
    """Every row, under what becomes of it."""
    same = [row for row in ROWS if isinstance(row, Mapped) and row.name == row.ours and not row.say]
    mapped = [row for row in ROWS if isinstance(row, Mapped) and row not in same]
    groups: dict[str, list[list[str]]] = {
        "Mapped to a key of ours": [[_name(row), _of(row), f"`{row.ours}`", row.say] for row in mapped],
        "Options of the command line": [
            [_name(row), _of(row), f"`--{row.ours}`", row.say] for row in ROWS if isinstance(row, Option)
        ],
        "Fixed at a value": [[_name(row), _of(row), _value(row), row.say] for row in ROWS if isinstance(row, Fixed)],
    }
    parts = [f"Of the same name and meaning: {', '.join(f'`{row.name}`' for row in same)}."]
    for title, rows in groups.items():
        parts.append("\n".join([f"### {title}", "", *_table(["key", "of", "here", ""], rows)]))
    parts.append("\n".join(["### Without effect here", "", *_table(["key", "of", "why"], _idle())]))
    return "\n\n".join(parts) + "\n"


def _idle() -> list[list[str]]:
    """Keys that have one reason share a line."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in ROWS:
        if isinstance(row, Idle):
            found.setdefault((_of(row), row.say), []).append(_name(row))
    return [[", ".join(names), of, say] for (of, say), names in found.items()]


def _name(row: ForeignKey) -> str:
    return f"`{row.name}`"


def _of(row: ForeignKey) -> str:
    return "all" if row.of == PROJECTS else ", ".join(row.of)


def _value(row: Fixed) -> str:
    text = " or ".join(f"`{shown(value)}`" for value in row.values)
    return text if row.must else f"{text}; another one is passed over, and told"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def page_with_tables(page: str) -> str:
    """The text of the page with its tables as they are now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page_with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
