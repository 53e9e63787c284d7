"""Stages that measure how far sound and lips of each clip are apart, by a sync expert that is given or trained first.

The measurements lie beside the packed arrays and in the manifest; training reads them when it opens the clips.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from talkingface.chain.pack import data_stages
from talkingface.chain.plan import make_plan
from talkingface.chain.stage import Look, Stage
from talkingface.chain.train import train_stages
from talkingface.chain.workspace import Workspace
from talkingface.config.schema import Config, DatasetConfig
from talkingface.data.dataprocess.steps.folder_state import folder_fingerprint
from talkingface.data.dataprocess.steps.folders import find_clip_folders
from talkingface.data.dataset.filelist import read_lists
from talkingface.data.dataset.store import Clip, open_clips
from talkingface.data.dataset.sync_file import ClipSync, read_sync, write_sync
from talkingface.model.base import model_mark
from talkingface.model.checkpoint import ForeignCheckpointError, checkpoint_file
from talkingface.model.trained import Trained
from talkingface.utils.device import pick_device
from talkingface.utils.errors import UserError
from talkingface.utils.files import write_text

BOOTSTRAP = "bootstrap"
RAW: dict[str, Any] = {"sync_expert": None, "correct_offset": False, "max_offset": None, "min_confidence": None}
"""The settings under which clips are taken as they are."""
SAVE_EVERY = 100


@dataclass(frozen=True)
class SyncPlan:
    """How a dataset's sync is measured."""

    stages: list[Stage]
    """Everything up to the measurements."""
    packed: Config
    """Whose faces and mels these stages pack."""


def sync_plan(workspace: Workspace, config: Config, *, model: str | None) -> SyncPlan | None:
    """What the configuration asks for; None where it measures nothing.

    Args:
        workspace: of the command.
        config: the command's; its dataset's part says what to measure by.
        model: the expert to train for `bootstrap`, and that an original project's checkpoint is taken for.

    Raises:
        UserError: there is no such expert.
    """
    given, row = config.dataset.sync_expert, workspace.dataset.row
    if given is None:
        return None
    if given != BOOTSTRAP:
        trained = _given_expert(workspace, checkpoint_file(given), model)
        size = replace(trained.config, dataset=config.dataset, run=config.run)
        return SyncPlan([*data_stages(row, [size]), measure(config, lambda: trained)], size)
    flags = {**workspace.overrides.flags, **RAW}
    raw = Workspace(workspace.dataset, replace(workspace.overrides, flags=flags), beside=workspace)
    expert = raw.part(_known(model), asked_for=False)

    def trained_expert() -> Trained | None:
        path = raw.weights(expert).path
        return None if path is None else raw.trained(path, model=expert.row.name)

    training = [] if raw.weights(expert).path else train_stages(raw, make_plan(raw, expert))
    stages = [*data_stages(row, [expert.config]), *training, measure(config, trained_expert)]
    return SyncPlan(stages, expert.config)


def _given_expert(workspace: Workspace, path: Path, model: str | None) -> Trained:
    """The expert of a checkpoint; one of an original project is taken for `model`'s."""
    try:
        return workspace.trained(path)
    except ForeignCheckpointError:
        return workspace.trained(path, model=_known(model))


def _known(model: str | None) -> str:
    if model is None:
        raise UserError("sync_expert: bootstrap, and weights of an original project, need --model to know the expert")
    return model


def measure(config: Config, expert: Callable[[], Trained | None]) -> Stage:
    """Measure the clips that this expert has not measured as they are now."""
    data = config.dataset

    def look() -> Look:
        trained = expert()
        if trained is None:
            return Look(True, "offset and confidence of every clip, when the expert has been trained")
        todo = len(_pending(data, trained))
        if not todo:
            return Look(False, f"{len(read_sync(data.packed_root))} clips were measured by {trained.path}")
        return Look(True, f"offset and confidence of {todo or 'all'} clips, by {trained.path}")

    def work() -> str:
        trained = expert()
        assert trained is not None
        rows = _measure_all(data, trained, device=config.run.device, show_progress=config.run.show_progress)
        _into_manifest(data, rows)
        return _summary(data, list(rows.values()))

    return Stage(name="measure sync", look=look, work=work)


def _marks(config: DatasetConfig, trained: Trained) -> dict[str, str]:
    """What each listed clip's measurement stands for: the expert's weights and the clip's files."""
    expert = model_mark(trained.network)[:12]
    listed = {name for names in read_lists(config.filelist_root).values() for name in names}
    folders = find_clip_folders(config.preprocessed_root)
    return {name: f"{expert}-{folder_fingerprint(folder)}" for name, folder in folders.items() if name in listed}


def _pending(config: DatasetConfig, trained: Trained) -> list[str]:
    known, marks = read_sync(config.packed_root), _marks(config, trained)
    if not marks:
        return ["all"]
    return [name for name, mark in marks.items() if name not in known or known[name].made_from != mark]


def _clips(config: DatasetConfig, trained: Trained) -> Iterator[Clip]:
    """Packed clips of all splits, as they are."""
    model, as_they_are = trained.config.model, replace(config, **RAW)
    for split, names in read_lists(config.filelist_root).items():
        if names:
            yield from open_clips(as_they_are, split, model.img_size, model.mel_pad_mode)


def _measure_all(config: DatasetConfig, trained: Trained, *, device: str, show_progress: bool) -> dict[str, ClipSync]:
    from talkingface.evaluator.metrics.sync import sync_scores
    from talkingface.evaluator.protocols.expert import packed_video

    place = pick_device(device)
    network, marks = trained.network.to(place), _marks(config, trained)
    rows = {name: row for name, row in read_sync(config.packed_root).items() if row.made_from == marks.get(name)}
    todo = [clip for clip in _clips(config, trained) if clip.name not in rows]
    for number, clip in enumerate(tqdm(todo, desc="measure sync", unit="clip", disable=not show_progress), start=1):
        found = sync_scores(packed_video(clip), network, place)
        known = found["offset"] == found["offset"]  # NaN where it cannot be told
        rows[clip.name] = ClipSync(
            name=clip.name,
            offset=int(found["offset"]) if known else None,
            confidence=round(found["confidence"], 4) if known else None,
            made_from=marks[clip.name],
        )
        if number % SAVE_EVERY == 0 or number == len(todo):
            write_sync(config.packed_root, rows.values())
    return rows


def _into_manifest(config: DatasetConfig, rows: dict[str, ClipSync]) -> None:
    """Offset and confidence of each clip in the manifest, where there is one."""
    path = Path(config.preprocessed_root) / "manifest.jsonl"
    if not path.is_file():
        return
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        if line["name"] in rows:
            line |= {"offset": rows[line["name"]].offset, "confidence": rows[line["name"]].confidence}
    write_text(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def _summary(config: DatasetConfig, rows: list[ClipSync]) -> str:
    zero = sum(row.offset == 0 for row in rows)
    unknown = sum(row.offset is None for row in rows)
    out = [row for row in rows if config.uses_sync and row.problem(config) is not None]
    moved = sum(row not in out and bool(row.offset) for row in rows) if config.correct_offset else 0
    report = Path(config.packed_root) / "sync.md"
    write_text(report, _report(config, rows))
    return (
        f"{len(rows)} clips: {zero} in sync, {len(rows) - zero - unknown} not, {unknown} unknown; "
        f"{moved} corrected, {len(out)} left out; see {report}"
    )


def _report(config: DatasetConfig, rows: list[ClipSync]) -> str:
    lines = ["# Sound and lips", "", "Offset: frames by which the lips come after their sound.", ""]
    lines += ["| clip | offset | confidence | |", "| --- | ---: | ---: | --- |"]
    for row in sorted(rows, key=lambda row: row.name):
        problem = row.problem(config) if config.uses_sync else None
        moved = f"sound moved by {-row.offset:+d} frames" if config.correct_offset and row.offset else ""
        offset = "–" if row.offset is None else f"{row.offset:+d}"
        confidence = "–" if row.confidence is None else f"{row.confidence:.3f}"
        lines.append(f"| {row.name} | {offset} | {confidence} | {f'left out: {problem}' if problem else moved} |")
    return "\n".join(lines) + "\n"
