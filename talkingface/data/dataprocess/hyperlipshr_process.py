"""From prepared clips and a trained Base to what the HR decoder is trained on.

    base faces     imgs/<clip>/N.jpg, audio.wav -> HYPER_IMG                         batches on the model's device
    pictures       both faces' landmarks -> GT_IMG, GT_SKETCH, GT_MASK, HYPER_SKETCH  one worker process a core
    pack           the five folders -> packed_root/hr_<size>/<clip>.npy               likewise

Each step keeps a record of every clip, written last: what was killed goes on where it stopped, and a Base with other
weights draws its faces anew. Folders made elsewhere are packed as they are.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

import torch
from torch import Tensor
from tqdm import tqdm

from talkingface.batch import HYPER_IMG
from talkingface.config.schema import Config
from talkingface.data.dataprocess.packing import clips_in_workers
from talkingface.data.dataprocess.steps.base_faces import BaseTask, draw_clip
from talkingface.data.dataprocess.steps.folders import find_clip_folders
from talkingface.data.dataprocess.steps.hr_folders import (
    HRRecords,
    clips_with_pictures,
    given_root,
    own_root,
    pictures_state,
)
from talkingface.data.dataprocess.steps.hr_pictures import PicturesTask, make_pictures
from talkingface.data.dataprocess.steps.pack_clip import row_of
from talkingface.data.dataprocess.steps.pack_hr import PackHRTask, pack_hr_clip
from talkingface.data.dataset.filelist import read_lists
from talkingface.data.dataset.hr_store import PICTURES, hr_folder, hr_index, hr_path
from talkingface.data.dataset.sync_file import sound_shifts
from talkingface.utils.device import autocast
from talkingface.utils.errors import UserError
from talkingface.utils.files import only_one, write_text
from talkingface.utils.main_guard import check_main_guard

BASE_BATCH = 16
"""Frames in one call of the Base."""


class Predictor(Protocol):
    """What is needed of the Base, which minds its own evaluation mode."""

    def predict(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Single frames and their mels to faces (B, 3, s, s) in [0, 1]."""


class HyperLipsHRProcess:
    """Makes what one configuration of HyperLipsHR trains on.

    Args:
        config: of HyperLipsHR; `base_checkpoint` names the Base once there is one.
    """

    def __init__(self, config: Config) -> None:
        self.config, self.data = config, config.dataset
        self.recipe = cast(Any, config.model)
        self.img_size: int = config.model.img_size
        self.given = given_root(self.data, self.recipe.hr_root)
        self.root = self.given or own_root(self.data, self.img_size)
        self.records = HRRecords(
            folder=self.root.parent,
            img_size=self.img_size,
            base_checkpoint=self.recipe.base_checkpoint,
            landmark_smoothing=self.recipe.landmark_smoothing,
        )

    def look(self) -> tuple[bool, str]:
        """Whether there is something to do, and what; reads only."""
        what = f"pictures of {self.root}" if self.given else "base faces, sketches and masks"
        index = hr_index(self.data, self.img_size)
        if self._is_done():
            return False, f"{what} are packed in {index.parent}"
        return True, f"{what}, to {index.parent}"

    def make(self, networks: Mapping[str, Predictor], device: torch.device) -> str:
        """Do what is not done yet; returns a line about the result.

        Args:
            networks: the Base as `base`; it is not used where the pictures were made elsewhere.
            device: where it is.

        Raises:
            UserError: nothing can be used, or another process works in the same folder.
        """
        check_main_guard()
        packed = hr_folder(self.data, self.img_size)
        with only_one(packed):
            failed = {} if self.given else self._make_pictures(networks["base"], device)
            tasks = [task for task in self._pack_tasks() if task.name not in failed]
            failed |= self._in_workers(pack_hr_clip, [task for task in tasks if task.record() is None], "pack")
            for task in tasks:
                task.note_times()
            rows = [_row(task) for task in tasks if task.name not in failed]
            rows += [{"name": name, "reason": reason} for name, reason in failed.items()]
            self._report(rows)
            write_text(hr_index(self.data, self.img_size), "".join(json.dumps(row) + "\n" for row in rows))
        usable = [row for row in rows if row.get("frames")]
        if not usable:
            reason = f"{rows[0]['name']}: {rows[0]['reason']}" if rows else "no prepared clip is in a list"
            raise UserError(f"{self.root}: nothing to train the HR decoder on ({reason})")
        missing = sum(len(numbers) for row in usable for numbers in row.get("without", {}).values())
        left_out = f", {missing} frames without a face mesh left out" if missing else ""
        left_out += f", {len(rows) - len(usable)} clips left out" if len(rows) > len(usable) else ""
        return f"{len(usable)} clips, {sum(row['frames'] for row in usable)} frames{left_out}"

    # What is done

    def _is_done(self) -> bool:
        index = hr_index(self.data, self.img_size)
        if not index.is_file():
            return False
        failed: dict[str, str] = {}
        if not self.given:
            try:
                tasks = self._tasks()
            except UserError:  # sync is still to be measured
                return False
            if any(self.records.lacks_base(task) for task in tasks):
                return False
            failed = self.records.failures(tasks)
            if any(self.records.lacks_pictures(task.name) for task in tasks if task.name not in failed):
                return False
        packed = self._pack_tasks()
        names = {json.loads(line)["name"] for line in index.read_text(encoding="utf-8").splitlines()}
        return {task.name for task in packed} == names and all(
            task.record() is not None for task in packed if task.name not in failed
        )

    # What has to be made

    def _make_pictures(self, base: Predictor, device: torch.device) -> dict[str, str]:
        """Base faces, then everything drawn from landmarks; reasons by name of clips that failed."""
        tasks = self._tasks()
        for task in tasks:
            self.records.note_times(task)
        self._draw([task for task in tasks if self.records.lacks_base(task)], base, device)
        failed = self.records.failures(tasks)
        todo = [
            PicturesTask(
                name=task.name,
                folder=task.folder,
                root=self.root,
                record=self.records.path("pictures", task.name),
                fingerprint=self.records.pictures_mark(task.name),
                img_size=self.img_size,
                reach=self.recipe.landmark_smoothing,
            )
            for task in tasks
            if task.name not in failed and self.records.lacks_pictures(task.name)
        ]
        return failed | self._in_workers(make_pictures, todo, "sketches")

    def _draw(self, tasks: list[BaseTask], base: Predictor, device: torch.device) -> None:
        """Draw clip after clip; a reason against one goes into its record."""

        def predict(batch: Mapping[str, Tensor]) -> Tensor:
            with autocast(device, self.config.run.precision):
                return base.predict(batch)

        hidden = not self.config.run.show_progress
        with tqdm(total=len(tasks), desc="base faces", unit="clip", disable=hidden) as bar:
            for task in tasks:
                shutil.rmtree(task.out, ignore_errors=True)
                reason = None
                try:
                    draw_clip(task, predict, device)
                except UserError as error:
                    reason = str(error)
                self.records.write_base(task, reason)
                bar.update()

    def _tasks(self) -> list[BaseTask]:
        """Clips that training reads; the test's never come near it."""
        lists = read_lists(self.data.filelist_root)
        splits = ("train", "val") if self.recipe.train_on == "train" else ("val",)
        shifts = sound_shifts(self.data, {name for split in splits for name in lists.get(split, [])})
        return [
            BaseTask(
                name=name,
                folder=folder,
                out=self.root / PICTURES[HYPER_IMG] / name,
                img_size=self.recipe.base_img_size,
                mel_pad_mode=self.recipe.mel_pad_mode,
                sample_rate=self.data.sample_rate,
                fps=self.data.fps,
                batch_size=BASE_BATCH,
                sound_shift=shifts[name],
            )
            for name, folder in find_clip_folders(self.data.preprocessed_root).items()
            if name in shifts
        ]

    def _pack_tasks(self) -> list[PackHRTask]:
        names = clips_with_pictures(self.root) if self.given else [task.name for task in self._tasks()]
        return [
            PackHRTask(
                name=name,
                root=self.root,
                state=pictures_state(self.root, name),
                path=hr_path(self.data, self.img_size, name),
                img_size=self.img_size,
                pack_format=self.data.pack_format,
            )
            for name in names
        ]

    def _in_workers(self, function: Callable[[Any], None], tasks: Sequence[Any], what: str) -> dict[str, str]:
        return clips_in_workers(function, tasks, self.data, what=what, show_progress=self.config.run.show_progress)

    def _report(self, rows: list[dict[str, Any]]) -> None:
        """Name what was left out: clips, and frames without landmarks."""
        for row in rows:
            if not self.given and (without := self.records.frames_without(row["name"])):
                row["without"] = without
                if "reason" in row and (bad := row["without"].get("base face")) and not row["without"]["real face"]:
                    row["reason"] = f"no face mesh in any of the {len(bad)} faces that the Base draws; train it longer"
        lines = ["# Left out of the HR decoder's training", ""]
        lines += [f"- {row['name']}: {row['reason']}" for row in rows if "reason" in row]
        for row in rows:
            for where, numbers in row.get("without", {}).items():
                if numbers:
                    lines.append(
                        f"- {row['name']}: no face mesh in the {where} of frames {', '.join(map(str, numbers))}"
                    )
        write_text(hr_folder(self.data, self.img_size) / "report.md", "\n".join(lines) + "\n")


def _row(task: PackHRTask) -> dict[str, Any]:
    record = task.record()
    assert record is not None, f"{task.name}: packed without a record"
    return row_of(task.name, record)
