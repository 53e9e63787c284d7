"""What came of a preparation, for programs (manifest.jsonl) and for people (report.md)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from talkingface.config.schema import DatasetConfig
from talkingface.data.dataprocess.steps.split import Lists
from talkingface.utils.files import write_text

Row = dict[str, Any]


def write_manifest(path: Path, rows: Iterable[Row]) -> None:
    """One JSON row a clip: name, source, status, reason, frames, seconds, share of faces found, and what made it."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def write_report(path: Path, config: DatasetConfig, rows: list[Row], lists: Lists) -> Path:
    """Counts, hours, split sizes, and every clip that was left out, with its reason."""
    usable = [row for row in rows if row["status"] == "ok"]
    left_out = [row for row in rows if row["status"] != "ok"]
    speakers = {row["name"].split("/")[0] for row in usable}
    lines = [
        f"# Preparation of {_shown(config.data_root)}",
        "",
        f"- {len(usable)} clips of {len(speakers)} speakers, {sum(row['seconds'] for row in usable) / 3600:.2f} hours, "
        f"{sum(row['frames'] for row in usable)} frames with a face",
        f"- {len(left_out)} clips left out",
        "",
        "| list | prepared clips | |",
        "|---|---|---|",
        *(_list_line(lists, split) for split in lists.sizes),
        "",
    ]
    if lists.unlisted:
        lines += [
            f"{lists.unlisted} prepared clips are in no list: add them, or delete the lists to have new ones.",
            "",
        ]
    for split, names in lists.unknown.items():
        lines += [
            f"{len(names)} clips of {split}.txt are not prepared: {', '.join(names[:10])}{' ...' * (len(names) > 10)} "
            f"(names with spaces have to stand in quotes)",
            "",
        ]
    if left_out:
        lines += ["## Left out", "", *_reasons(left_out), ""]
    write_text(path, "\n".join(lines))
    return path


def _shown(data_root: str) -> str:
    """The folder as it was given, an absolute one by its name alone: the project may be moved."""
    return Path(data_root).name if Path(data_root).is_absolute() else data_root


def _list_line(lists: Lists, split: str) -> str:
    made = "made now" if split in lists.made else ""
    return f"| {split}.txt | {lists.sizes[split]} | {made} |"


def _reasons(rows: list[Row]) -> list[str]:
    kinds = Counter(row["reason"].split(":")[0] for row in rows)
    table = [
        f"| {_cell(row['name'])} | {_cell(str(row.get('source') or ''))} | {_cell(row['reason'])} |" for row in rows
    ]
    counts = [f"- {reason}: {count}" for reason, count in kinds.most_common()]
    return [*counts, *([""] if counts else []), "| clip | video | reason |", "|---|---|---|", *table]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
