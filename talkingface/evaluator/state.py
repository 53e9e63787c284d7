"""What stands of a clip from an earlier run, so that an evaluation goes on where it was killed."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from talkingface.evaluator.clip import ClipResult
from talkingface.utils.errors import UserError
from talkingface.utils.files import read_json, write_json


def digest(*parts: str) -> str:
    """Return a short hash of the parts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def file_mark(path: Path) -> str:
    """Return a mark of the file's place, size and time of change; of its place alone where it is missing."""
    try:
        status = path.stat()
    except OSError:
        return str(path.resolve())
    return f"{path.resolve()}:{status.st_size}:{status.st_mtime_ns}"


def model_mark(model: object) -> str:
    """Return a hash of a module's weights and buffers; of anything else a mark that is never the same again."""
    if not isinstance(model, torch.nn.Module):
        return secrets.token_hex(8)
    total = hashlib.sha256(type(model).__name__.encode())
    for name, value in model.state_dict().items():
        total.update(name.encode())
        total.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()[:16]


@dataclass(kw_only=True)
class ClipState:
    """Marks of the inputs of each output of a clip, kept in clips/<name>.json; an output stands while they agree."""

    file: Path
    own_path: Path
    cross_path: Path
    silent_path: Path
    sound: tuple[str, Path] | None
    """Name and video of the clip whose sound the cross video gets."""
    own: str
    cross: str
    silent: str
    """Empty where the clip is not dubbed with silence."""
    score: str
    saved: dict[str, Any]
    result: ClipResult | None = None
    """What was measured; None where that has to be done."""

    @classmethod
    def load(
        cls,
        out_dir: Path,
        name: str,
        sound: tuple[str, Path] | None,
        *,
        own: str,
        cross: str,
        score: str,
        silent: str = "",
    ) -> ClipState:
        """Read what stands; a missing or damaged file means nothing does."""
        file = out_dir / "clips" / f"{name}.json"
        try:
            saved = read_json(file) if file.is_file() else {}
        except UserError:
            saved = {}
        videos = out_dir / "videos"
        other = "" if sound is None else sound[0].replace("/", "-")
        state = cls(
            file=file, own_path=videos / f"{name}.mp4", cross_path=videos / f"{name}__{other}.mp4",
            silent_path=out_dir / "silence" / f"{name}.mp4", sound=sound, own=own, cross=cross, silent=silent,
            score=score, saved=saved,
        )  # fmt: skip
        videos_stand = state.own_stands() and state.silent_stands() and (sound is None or state.cross_stands())
        if videos_stand and saved.get("score") == score:
            state.result = ClipResult.from_plain(saved["result"])
        return state

    def own_stands(self) -> bool:
        """Whether the video with the clip's own sound is there and of this model."""
        return self.saved.get("own") == self.own and self.own_path.is_file()

    def cross_stands(self) -> bool:
        """Whether the video with the other clip's sound is there and of this model."""
        return self.saved.get("cross") == self.cross and self.cross_path.is_file()

    def silent_stands(self) -> bool:
        """Whether the video with silence is there and of this model, or is not wanted."""
        return not self.silent or (self.saved.get("silent") == self.silent and self.silent_path.is_file())

    def save_own(self, stages: dict[str, float | None]) -> None:
        """Note that the own video was written, and what was measured of its drawn faces (see stages.py)."""
        self._save(own=self.own, stages=stages)

    def save_cross(self) -> None:
        """Note that the cross video was written."""
        self._save(cross=self.cross)

    def save_silent(self) -> None:
        """Note that the video with silence was written."""
        self._save(silent=self.silent)

    def save_result(self, result: ClipResult) -> None:
        """Note what was measured; a failed clip is tried again next time."""
        if result.failed is None and result.cross_failed is None:
            self._save(score=self.score, result=result.plain())

    def _save(self, **values: Any) -> None:
        self.saved.update(values)
        write_json(self.file, self.saved)
