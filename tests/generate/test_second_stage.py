"""Two-stage models in the pipeline: order, batches, smoothing across batches, frames without a mesh or a face."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from stand_ins import FACE, SquareDetector, frame_with_face, speechlike, write_clip

from talkingface.batch import HYPER_IMG, HYPER_SKETCH, INPUT_FRAMES
from talkingface.generate import generate
from talkingface.generate.synthesizer import Predictor, TwoStages
from talkingface.utils.face import crop_mesh
from talkingface.utils.media.audio import write_wav
from talkingface.utils.media.video import read_frames


class Counter:
    """A first stage whose n-th face is a grey of level 4n."""

    def __init__(self) -> None:
        self.drawn = 0

    def predict(self, batch):
        count = len(batch[INPUT_FRAMES])
        levels = 4 * torch.arange(self.drawn, self.drawn + count) / 255
        self.drawn += count
        return levels[:, None, None, None].expand(-1, 3, 32, 32)


class Enlarger:
    """A second stage that draws the first one's faces at 256 px, and keeps sketches and sizes of batches."""

    def __init__(self, reach: int = 2) -> None:
        self.first_stage: Predictor = Counter()
        self.sketch_reach, self.widens_sketches = reach, False
        self.levels: list[int] = []
        self.columns: list[float] = []
        self.batches: list[int] = []

    def predict(self, batch):
        self.batches.append(len(batch[HYPER_IMG]))
        self.levels += [round(value) for value in (batch[HYPER_IMG].mean(dim=(1, 2, 3)) * 255).tolist()]
        assert batch[HYPER_IMG].shape[1:] == batch[HYPER_SKETCH].shape[1:] == (3, 128, 128)
        for sketch in batch[HYPER_SKETCH]:
            self.columns.append(float(sketch[0].nonzero()[:, 1].float().mean()) if sketch.any() else -1)
        return batch[HYPER_IMG][:, :, :1, :1].expand(-1, -1, 256, 256)


class LevelMesh:
    """Finds a face of level 4n a little further right with each n; none where `lost` says so."""

    lost: tuple[int, ...] = ()

    def find(self, crop):
        number = round(float(crop.mean()) / 4)
        if number in self.lost:
            return None
        return np.tile(np.array([[0.2 + 0.02 * number, 0.5]], np.float32), (468, 1))

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        pass


@pytest.fixture
def dub(tmp_path, monkeypatch):
    def run(model, *, lost=(), without=(), batch_size=4, watch=None):
        monkeypatch.setattr(crop_mesh, "CropMesh", type("Mesh", (LevelMesh,), {"lost": lost}))
        write_clip(tmp_path / "f.mp4", [frame_with_face(60, None if k in without else FACE) for k in range(20)])
        write_wav(tmp_path / "s.wav", speechlike(0.8), 16000)
        return generate(
            model, face=tmp_path / "f.mp4", audio=tmp_path / "s.wav", output=tmp_path / "out.mp4",
            detector=SquareDetector(), img_size=32, batch_size=batch_size, watch=watch,
        )  # fmt: skip

    return run


def test_every_face_is_refined_in_order_in_batches(dub, tmp_path):
    model = Enlarger()
    assert isinstance(model, TwoStages)
    seen = []
    summary = dub(model, watch=seen.append)
    assert model.levels == [4 * n for n in range(20)] and max(model.batches) == 4
    assert (summary.frames, summary.meshes_missing) == (20, 0) and len(list(read_frames(tmp_path / "out.mp4"))) == 20
    assert all(one.face.shape == (256, 256, 3) and one.first.shape == (32, 32, 3) for one in seen)
    assert [int(one.first.mean()) for one in seen] == model.levels


def test_smoothing_does_not_see_batches_and_does_not_drift(dub):
    small, large = Enlarger(), Enlarger()
    dub(small, batch_size=3)
    dub(large, batch_size=20)
    assert small.columns == large.columns
    steps = np.diff(small.columns)  # a face that moves evenly: so does its sketch, to both ends
    assert (steps > 1.5).all() and (steps < 3.5).all()


def test_lost_meshes_borrow_the_nearest_one_and_are_counted(dub):
    model = Enlarger(reach=0)
    summary = dub(model, lost=(0, 1, 7, 8, 9, 19))
    assert summary.meshes_missing == 6
    columns = np.round(model.columns, 1).tolist()
    assert columns[0] == columns[1] == columns[2]
    assert columns[7] == columns[8] == columns[6] and columns[9] == columns[10] and columns[19] == columns[18]


def test_no_mesh_at_all_gives_black_sketches(dub):
    model = Enlarger()
    assert dub(model, lost=tuple(range(20))).meshes_missing == 20
    assert set(model.columns) == {-1}


def test_frames_without_a_face_keep_their_place(dub):
    seen = []
    summary = dub(Enlarger(), without=(6, 7, 8, 19), watch=seen.append)
    assert summary.faces_missing == 4
    assert [k for k, one in enumerate(seen) if one.face is None] == [6, 7, 8, 19]
