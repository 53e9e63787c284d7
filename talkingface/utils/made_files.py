"""Text files that the toolkit makes and the user may write himself: his own are never overwritten.

A note beside the files holds a mark of what each was given; a file that differs from it, or has no mark, is the user's.
"""

from __future__ import annotations

from pathlib import Path

from talkingface.utils.errors import UserError
from talkingface.utils.files import digest, read_json, write_json, write_text

NOTE = ".made.json"


def write_made(path: Path, text: str) -> None:
    """Write a file, and note that the toolkit has made it."""
    write_text(path, text)
    write_json(path.parent / NOTE, {**_marks(path.parent), path.name: digest(text)})


def is_own(path: Path) -> bool:
    """Whether a file is there and is the user's: not made by the toolkit, or changed since."""
    if not path.is_file():
        return False
    return _marks(path.parent).get(path.name) != digest(path.read_text(encoding="utf-8", errors="replace"))


def _marks(folder: Path) -> dict[str, str]:
    try:
        return dict(read_json(folder / NOTE))
    except (UserError, TypeError, ValueError):
        return {}
