"""Models with a decoder: order, batches, smoothing across batches, frames without a mesh or a face."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from stand_ins import FACE, Painter, dubber_of, frame_with_face, speechlike, write_clip

from talkingface.batch import GT, HYPER_IMG, HYPER_SKETCH, INDIV_MELS, INPUT_FRAMES, REFERENCE, to_network
from talkingface.generate.synthesizer import DecoderModel, Predictor, Synthesizer
from talkingface.model.audio_driven_talkingface.hyperlipshr import HyperLipsHR
from talkingface.model.audio_driven_talkingface.hyperlipshr_config import HyperLipsHRConfig
from talkingface.pictures import sketches_to_tensor, to_pictures, to_tensor
from talkingface.utils.face import crop_mesh
from talkingface.utils.face.sketch import draw_sketch, sketch_faces, widen_sketch
from talkingface.utils.media.audio import write_wav
from talkingface.utils.media.video import read_frames


class Counter:
    """A Base whose n-th face is a grey of level 4n."""

    def __init__(self) -> None:
        self.drawn = 0

    def predict(self, batch):
        count = len(batch[INPUT_FRAMES])
        levels = 4 * torch.arange(self.drawn, self.drawn + count) / 255
        self.drawn += count
        return levels[:, None, None, None].expand(-1, 3, 32, 32)


class Enlarger:
    """A model whose decoder draws the Base's faces at 256 px, and keeps sketches and sizes of batches."""

    def __init__(self, reach: int = 2) -> None:
        self.base: Predictor = Counter()
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


@pytest.fixture
def dub(tmp_path):
    def run(model, *, lost=(), without=(), batch_size=4, watch=None):
        mesh = type("Mesh", (LevelMesh,), {"lost": lost})()
        write_clip(tmp_path / "f.mp4", [frame_with_face(60, None if k in without else FACE) for k in range(20)])
        write_wav(tmp_path / "s.wav", speechlike(0.8), 16000)
        files = (tmp_path / "f.mp4", tmp_path / "s.wav", tmp_path / "out.mp4")
        return dubber_of(model, mesh=mesh, generate_batch_size=batch_size).write(*files, watch=watch)

    return run


def test_every_face_is_refined_in_order_in_batches(dub, tmp_path):
    model = Enlarger()
    assert isinstance(model, DecoderModel)
    seen = []
    summary = dub(model, watch=seen.append)
    assert model.levels == [4 * n for n in range(20)] and max(model.batches) == 4
    assert (summary.frames, summary.meshes_missing) == (20, 0) and len(list(read_frames(tmp_path / "out.mp4"))) == 20
    assert all(one.face.shape == (256, 256, 3) and one.base_face.shape == (32, 32, 3) for one in seen)
    assert [int(one.base_face.mean()) for one in seen] == model.levels


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


def test_the_mesh_is_made_once_and_closed(tmp_path, monkeypatch):
    made = []

    class Made(LevelMesh):
        def __init__(self):
            made.append(self)
            self.open = True

        def __enter__(self):
            return self

        def __exit__(self, *_exc):
            self.open = False

    monkeypatch.setattr(crop_mesh, "CropMesh", Made)
    write_clip(tmp_path / "f.mp4", [frame_with_face()] * 6)
    with dubber_of(Enlarger()) as dubber:
        for _ in range(2):
            assert len(list(dubber.frames(tmp_path / "f.mp4", tmp_path / "f.mp4"))) == 6
        assert len(made) == 1 and made[0].open
    assert not made[0].open
    with dubber_of(Painter()) as dubber:
        list(dubber.frames(tmp_path / "f.mp4", tmp_path / "f.mp4"))
    assert len(made) == 1, "a model without a decoder needs none"


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return HyperLipsHR(HyperLipsHRConfig(img_size=256, base_img_size=64, initial_decoder="random")).eval()


class ShiftedMesh:
    """Finds the same landmarks in every face; none in a black one."""

    points = np.random.default_rng(3).uniform(0.2, 0.8, (468, 2)).astype(np.float32)

    def find(self, crop):
        return self.points if crop.any() else None


def single_frames(count, seed=0):
    random = np.random.default_rng(seed)
    crops = random.integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)
    return crops, random.standard_normal((count, 80, 16)).astype(np.float32)


def test_the_networks_draw_single_frames_as_by_hand(network):
    """Base, 128 px, sketch, decoder: each step done here with plain tensors."""
    crops, mels = single_frames(3)
    synthesizer = Synthesizer(network, device=torch.device("cpu"), batch_size=2, mesh=ShiftedMesh())
    drawn = list(synthesizer.draw(zip(range(3), crops, mels, strict=True)))
    assert [one.item for one in drawn] == [0, 1, 2]
    pixels = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
    masked = pixels.clone()
    masked[:, :, 32:] = 0
    frames = torch.cat([masked, pixels[:1].expand(3, -1, -1, -1)], dim=1)
    base = network.base.predict({INPUT_FRAMES: frames, INDIV_MELS: torch.from_numpy(mels)[:, None]})
    first = (base * 255).round().byte().permute(0, 2, 3, 1).numpy()
    large = np.stack([cv2.resize(one, (128, 128), interpolation=cv2.INTER_LINEAR) for one in first])
    sketch = torch.from_numpy(widen_sketch(draw_sketch(ShiftedMesh.points, 128, 128), 128)).float() / 255
    batch = {
        HYPER_IMG: torch.from_numpy(large).permute(0, 3, 1, 2).float() / 255,
        HYPER_SKETCH: sketch.expand(3, 3, -1, -1),
    }
    faces = (network.predict(batch) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    for one, small, face in zip(drawn, first, faces, strict=True):
        assert np.abs(one.base_face.astype(int) - small).max() <= 1 and one.face.shape == (256, 256, 3)
        assert np.abs(one.face.astype(int) - face).max() <= 3 and one.mesh_found


def test_windows_are_drawn_as_short_clips(network):
    """A sample's frames are a clip of their own, with their own reference, and without sound from other samples."""
    crops, mels = single_frames(4)
    alone = [
        one.face
        for part in (slice(0, 2), slice(2, 4))
        for one in Synthesizer(
            network, device=torch.device("cpu"), mesh=ShiftedMesh(), reference=crops[part.start]
        ).draw(zip((0, 1), crops[part], mels[part], strict=True))
    ]
    pixels = torch.from_numpy(crops).unflatten(0, (2, 2)).permute(0, 4, 1, 2, 3)
    stored = {GT: pixels, REFERENCE: pixels[:, :, :1].expand_as(pixels)}
    batch = to_network(stored, torch.device("cpu")) | {
        INDIV_MELS: torch.from_numpy(mels).unflatten(0, (2, 2))[:, :, None]
    }
    base = network.base.predict(batch)
    for sample in range(2):
        clip = to_pictures(base[sample].transpose(0, 1))
        for k, one in enumerate(sketch_faces(((None, face) for face in clip), ShiftedMesh(), side=128)):
            device = torch.device("cpu")
            given = {
                HYPER_IMG: to_tensor(one.face[None], device),
                HYPER_SKETCH: sketches_to_tensor(one.sketch[None], device),
            }
            face = to_pictures(network.predict(given))[0]
            assert np.abs(face.astype(int) - alone[2 * sample + k]).max() <= 3


def test_a_face_without_a_mesh_is_said(network):
    crops, mels = single_frames(1)
    with pytest.raises(ValueError, match="mesh=CropMesh"):
        list(Synthesizer(network, device=torch.device("cpu")).draw([(0, crops[0], mels[0])]))
