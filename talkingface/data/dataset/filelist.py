"""Split lists: `<filelist_root>/{train,val,test}.txt`, one `<speaker>/<clip>` a line, names with spaces in quotes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from talkingface.utils.errors import UserError
from talkingface.utils.made_files import write_made

SPLITS = ("train", "val", "test")


def list_path(filelist_root: str | Path, split: str) -> Path:
    """Where the list of one split lies."""
    return Path(filelist_root) / f"{split}.txt"


def read_list(path: Path) -> list[str]:
    """Clip names of one list, in its order, each once.

    A name ends at the first white space: further fields of a line, which some public lists have, are ignored. A name
    with white space in it stands in quotes (`"John Smith/clip 1"`), as `write_list` puts it; without them the whole
    line is taken where its first word cannot be a name. Either slash separates speaker and clip; empty lines are
    ignored.

    Raises:
        UserError: a line is not `<speaker>/<clip>`, or the file is not text.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text file; wanted one <speaker>/<clip> a line") from None
    names: dict[str, None] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name = _name(line.strip())
        if name is None:
            raise UserError(
                f"{path}:{number}: got {line.strip()!r}, wanted <speaker>/<clip>; a name with spaces in quotes"
            )
        names[name] = None
    return list(names)


def write_list(path: Path, names: Iterable[str]) -> None:
    """Write a list that `read_list` gives back, whatever folders are called, and note that the toolkit has made it."""
    write_made(path, "".join(f"{_line(name)}\n" for name in names))


def _line(name: str) -> str:
    """The name, in quotes where it would not be read back without."""
    if name.isprintable() and len(name.split()) == 1 and _name(name) == name:
        return name
    return json.dumps(name, ensure_ascii=not name.isprintable())


def _name(line: str) -> str | None:
    """The name that a line begins with, None where it has none."""
    if line.startswith('"'):
        try:
            quoted = json.JSONDecoder(strict=False).raw_decode(line)[0]
        except ValueError:
            return None
        return quoted if _is_name(quoted.split("/")) else None
    for text in (line.split()[0], line):
        parts = text.replace("\\", "/").strip("/").split("/")
        if _is_name(parts):
            return "/".join(parts)
    return None


def _is_name(parts: list[str]) -> bool:
    return len(parts) == 2 and all(parts) and not {".", ".."} & set(parts)


def read_lists(filelist_root: str | Path) -> dict[str, list[str]]:
    """The lists that exist, by split."""
    paths = {split: list_path(filelist_root, split) for split in SPLITS}
    return {split: read_list(path) for split, path in paths.items() if path.is_file()}


def check_disjoint(lists: Mapping[str, Sequence[str]], filelist_root: str | Path) -> None:
    """Refuse lists that share a clip: what is trained on must not be tested on.

    Raises:
        UserError: names the first shared clip and the lists it is in.
    """
    seen: dict[str, str] = {}
    shared = [
        (name, seen[name], split) for split in lists for name in lists[split] if seen.setdefault(name, split) != split
    ]
    if shared:
        name, first, second = shared[0]
        raise UserError(
            f"{filelist_root}: {len(shared)} clips are in two lists (first: {name}, in {first}.txt and {second}.txt); "
            f"remove each from one of them"
        )
