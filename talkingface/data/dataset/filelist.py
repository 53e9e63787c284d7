"""Split lists: `<filelist_root>/{train,val,test}.txt`, one `<speaker>/<clip>` a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from talkingface.utils.errors import UserError

SPLITS = ("train", "val", "test")


def list_path(filelist_root: str | Path, split: str) -> Path:
    """Where the list of one split lies."""
    return Path(filelist_root) / f"{split}.txt"


def read_list(path: Path) -> list[str]:
    """Clip names of one list, in its order, each once.

    Either slash separates speaker and clip; further fields of a line (as some public lists have) are ignored, and
    so are empty lines.

    Raises:
        UserError: a line is not `<speaker>/<clip>`, or the file is not text.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text file; wanted one <speaker>/<clip> a line") from None
    names: dict[str, None] = {}
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        if not fields:
            continue
        parts = fields[0].replace("\\", "/").strip("/").split("/")
        if len(parts) != 2 or not all(parts) or ".." in parts or "." in parts:
            raise UserError(f"{path}:{number}: got {line.strip()!r}, wanted <speaker>/<clip>")
        names["/".join(parts)] = None
    return list(names)


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
