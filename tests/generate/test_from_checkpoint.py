"""A dubber of a trained model: loading, options, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from stand_ins import SquareDetector, frame_with_face, write_clip

from talkingface import catalog
from talkingface.catalog.resolve import DatasetChoice, resolve
from talkingface.config.loader import Overrides
from talkingface.config.plain import to_plain
from talkingface.config.schema import ConfigError
from talkingface.generate import Dubber
from talkingface.model.checkpoint import save_checkpoint
from talkingface.model.trained import build_network
from talkingface.quick_start import generate_video
from talkingface.trainer.schedule import Progress
from talkingface.utils.errors import CheckpointError, UserError
from talkingface.utils.media.video import read_frames

SIZE = 64


def save(path: Path, name: str, **keys) -> Path:
    """An untrained network of a catalog row as a checkpoint."""
    torch.manual_seed(0)
    row = catalog.model_row(name)
    config = resolve(name, DatasetChoice(name="any", row=catalog.VIDEOS), Overrides(profile="none", flags=keys)).config
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {"model": build_network(row, config)}
    save_checkpoint(path, state=state, model_name=name, config=to_plain(config), progress=Progress().to_plain())
    return path


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A finished run of the Base whose recipe has keys of its own."""
    folder = tmp_path_factory.mktemp("saved") / "run"
    save(
        folder / "checkpoints" / "best.pth",
        "HyperLipsBase",
        img_size=SIZE,
        evaluate_batch_size=3,
        crop_pads=(1, 2, 3, 4),
    )
    return folder


@pytest.fixture
def clip(tmp_path, monkeypatch):
    monkeypatch.setattr("talkingface.generate.dubber.make_detector", lambda *_: SquareDetector())
    write_clip(tmp_path / "face.mp4", [frame_with_face()] * 6)
    return tmp_path / "face.mp4"


def test_a_runs_folder_and_its_file_give_the_same_dubber(run_folder, clip):
    made = []
    for path in (run_folder, run_folder / "checkpoints" / "best.pth", str(run_folder)):
        with Dubber.from_checkpoint(path, device="cpu") as dubber:
            made.append(np.stack(list(dubber.frames(clip, clip))))
    assert np.array_equal(made[0], made[1]) and np.array_equal(made[0], made[2])
    before = np.stack(list(read_frames(clip)))
    assert made[0].shape == before.shape and np.abs(made[0].astype(int) - before).max() > 50, "something was drawn"


def test_the_checkpoints_recipe_and_options_above_it(run_folder):
    settings = Dubber.from_checkpoint(run_folder, device="cpu").settings
    assert (settings.input_size, settings.batch_size, settings.pads) == (SIZE, 3, (1, 2, 3, 4))
    flags = {"crf": "30", "loop": "restart"}
    dubber = Dubber.from_checkpoint(
        run_folder, overrides=Overrides(flags=flags), device="cpu", crf=23, generate_pads=(0, 0, 0, 0), precision="bf16"
    )
    settings = dubber.settings
    assert (settings.crf, settings.loop, settings.pads, settings.precision) == (23, "restart", (0, 0, 0, 0), "bf16")
    assert dubber.device == torch.device("cpu")


def test_options_that_are_none(run_folder):
    with pytest.raises(ConfigError, match=r"crff: unknown key \(options\); did you mean .crf"):
        Dubber.from_checkpoint(run_folder, crff=3)
    with pytest.raises(ConfigError, match="crf"):
        Dubber.from_checkpoint(run_folder, crf=77)
    with pytest.raises(ConfigError, match="loop"):
        Dubber.from_checkpoint(run_folder, loop="backwards")


def test_what_cannot_be_dubbed_with(run_folder, tmp_path):
    expert = save(tmp_path / "expert.pth", "SyncNet")
    with pytest.raises(UserError, match=r"expert\.pth: is of SyncNet, which draws no faces"):
        Dubber.from_checkpoint(expert)
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        Dubber.from_checkpoint(tmp_path / "gone.pth")
    with pytest.raises(CheckpointError, match="is of HyperLipsBase, not of Wav2Lip"):
        Dubber.from_checkpoint(run_folder, model="Wav2Lip")


def test_home_is_found_in_the_checkpoints_path(run_folder, monkeypatch):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(run_folder.parent))
    assert Dubber.from_checkpoint("~/run", device="cpu").settings.input_size == SIZE


def test_a_model_with_a_decoder(tmp_path, clip, monkeypatch):
    class NoMesh:
        def find(self, _crop):
            return None

        def __enter__(self):
            return self

        def __exit__(self, *_exc):
            pass

    monkeypatch.setattr("talkingface.utils.face.crop_mesh.CropMesh", NoMesh)
    path = save(tmp_path / "hr.pth", "HyperLipsHR", img_size=128, base_img_size=SIZE)
    seen = []
    with Dubber.from_checkpoint(path, device="cpu") as dubber:
        summary = dubber.write(clip, clip, tmp_path / "out.mp4", watch=seen.append)
    assert (summary.frames, summary.meshes_missing) == (6, 6)
    assert all(one.face.shape == (128, 128, 3) and one.base_face.shape == (SIZE, SIZE, 3) for one in seen)


def test_the_function_does_as_the_dubber(run_folder, clip, tmp_path):
    summary = generate_video(
        str(run_folder), face=str(clip), audio=str(clip), output=str(tmp_path / "a.mp4"),
        overrides=Overrides(flags={"device": "cpu", "show_progress": False}),
    )  # fmt: skip
    with Dubber.from_checkpoint(run_folder, device="cpu") as dubber:
        again = dubber.write(clip, clip, tmp_path / "b.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert summary.frames == again.frames == 6
    with pytest.raises(UserError, match=r"--audio=gone\.wav"):
        generate_video(str(run_folder), face=str(clip), audio="gone.wav", output=str(tmp_path / "c.mp4"))
