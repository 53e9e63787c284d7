"""A clip's pictures for the HR decoder, once its base faces are drawn: real faces, lip masks, both sketches."""

from __future__ import annotations

import functools
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkingface.batch import GT_IMG, GT_MASK, GT_SKETCH, HYPER_IMG, HYPER_SIZE, HYPER_SKETCH
from talkingface.data.dataprocess.steps.base_faces import write_jpeg
from talkingface.data.dataprocess.steps.folders import frame_files
from talkingface.data.dataprocess.steps.pack_clip import read_image
from talkingface.data.dataset.hr_store import PICTURES
from talkingface.utils.face.crop_mesh import CropMesh
from talkingface.utils.face.landmarks import Points, steady_landmarks
from talkingface.utils.face.sketch import decoder_sketch, draw_mask, draw_sketch, fit
from talkingface.utils.files import write_json

MADE_HERE = (GT_IMG, GT_SKETCH, GT_MASK, HYPER_SKETCH)


@dataclass(frozen=True, kw_only=True)
class PicturesTask:
    """What a worker needs."""

    name: str
    folder: Path
    """The clip's crops."""
    root: Path
    """Folder of GT_IMG, ...; HYPER_IMG is there already."""
    record: Path
    """Written last: what the pictures were made from, and which frames were left out."""
    fingerprint: str
    img_size: int
    reach: int


def make_pictures(task: PicturesTask) -> None:
    """Write the pictures of every frame whose real and base face both show a mesh.

    Base and real face are the same crop's, so one box serves both. Landmarks of base faces are steadied as when
    generating; those of real faces are not, since the mask has to lie on the lips.
    """
    for key in MADE_HERE:
        shutil.rmtree(task.root / PICTURES[key] / task.name, ignore_errors=True)
        (task.root / PICTURES[key] / task.name).mkdir(parents=True)
    crops, faces = frame_files(task.folder), frame_files(task.root / PICTURES[HYPER_IMG] / task.name)
    mesh = _mesh()
    without: dict[str, list[int]] = {"real face": [], "base face": []}

    def base_points() -> Any:
        for number, path in faces.items():
            picture = read_image(path)
            yield number, None if picture is None else mesh.find(picture)

    for number, points in steady_landmarks(base_points(), reach=task.reach):
        real = read_image(crops[number])
        real_points = None if real is None else mesh.find(real)
        if points is None:
            without["base face"].append(number)
        elif real is None or real_points is None:
            without["real face"].append(number)
        else:
            _write(task, number, real, real_points, points)
    write_json(task.record, {"source": task.fingerprint, "without": without})


def _write(task: PicturesTask, number: int, real: Any, real_points: Points, points: Points) -> None:
    side = task.img_size
    pictures = {
        GT_IMG: fit(real, side),
        GT_SKETCH: draw_sketch(real_points, side, side),
        GT_MASK: draw_mask(real_points, side, side),
        HYPER_SKETCH: decoder_sketch(points, HYPER_SIZE, widen=False),
    }
    for key, picture in pictures.items():
        write_jpeg(task.root / PICTURES[key] / task.name / f"{number}.jpg", picture)


@functools.lru_cache(maxsize=1)
def _mesh() -> CropMesh:
    """One mesh a worker process."""
    return CropMesh()
