"""What a lip-sync expert found of each clip: offset and confidence, kept beside the packed arrays.

The clip's own files stay as they are; training moves a clip's sound, or leaves the clip out, when it reads it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from talkingface.config.schema import DatasetConfig
from talkingface.utils.errors import UserError
from talkingface.utils.files import write_text


@dataclass(frozen=True, kw_only=True)
class ClipSync:
    """One clip's measurement."""

    name: str
    """`<speaker>/<clip>`."""
    offset: int | None
    """Frames by which the lips come after their sound; None for clips too short to be measured."""
    confidence: float | None
    """How much better that offset fits than a usual one, in distances of the expert's embeddings."""
    made_from: str
    """Marks the expert's weights and the clip's files."""

    def problem(self, config: DatasetConfig) -> str | None:
        """Why the configuration leaves the clip out; None where it is used."""
        if self.offset is None or self.confidence is None:
            return "too short, or too few frames with a face, for its offset to be measured"
        if config.max_offset is not None and abs(self.offset) > config.max_offset:
            return f"offset {self.offset:+d} frames, max_offset is {config.max_offset}"
        if config.min_confidence is not None and self.confidence < config.min_confidence:
            return f"confidence {self.confidence:.3f}, min_confidence is {config.min_confidence:g}"
        return None


def sync_path(packed_root: str | Path) -> Path:
    """The file of all measurements, one JSON row a clip."""
    return Path(packed_root) / "sync.jsonl"


def read_sync(packed_root: str | Path) -> dict[str, ClipSync]:
    """Measurements by clip name; empty where nothing has been measured."""
    path = sync_path(packed_root)
    if not path.is_file():
        return {}
    rows = [ClipSync(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    return {row.name: row for row in rows}


def sound_shifts(config: DatasetConfig, names: Collection[str]) -> dict[str, int]:
    """Clips that the configuration uses, and by how many frames each one's sound lies later than its own frame.

    Args:
        config: says whether sync counts, which clips are left out, and whether their sound is moved.
        names: of the clips to choose from.

    Raises:
        UserError: one of them has not been measured.
    """
    if not config.uses_sync:
        return dict.fromkeys(names, 0)
    measured = read_sync(config.packed_root)
    unknown = [name for name in names if name not in measured]
    if unknown:
        raise UserError(
            f"{sync_path(config.packed_root)}: {len(unknown)} clips have not been measured (first: {unknown[0]}); run "
            f"prepare again with sync_expert"
        )
    kept = {name: measured[name] for name in names if measured[name].problem(config) is None}
    return {name: -(row.offset or 0) if config.correct_offset else 0 for name, row in kept.items()}


def write_sync(packed_root: str | Path, rows: Iterable[ClipSync]) -> None:
    """Replace the file."""
    write_text(sync_path(packed_root), "".join(json.dumps(asdict(row)) + "\n" for row in rows))
