"""Sample pictures and videos, read back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny import TinySet, tiny_config, tiny_trainer

from talkingface.batch import GT, REFERENCE, to_network
from talkingface.data.dataset.window_dataset import WindowDataset
from talkingface.model.audio_driven_talkingface.hyperlipshr import HyperLipsHR
from talkingface.model.audio_driven_talkingface.hyperlipshr_config import HyperLipsHRConfig
from talkingface.pictures import to_rgb
from talkingface.trainer.samples import clip_frames, face_grid
from talkingface.utils.media.audio import read_audio, write_wav
from talkingface.utils.media.video import probe

RED, GREEN, BLUE = (0, 0, 255), (0, 255, 0), (255, 0, 0)  # BGR


def plain(colour: tuple[int, int, int]) -> torch.Tensor:
    """(1, 3, 2, 16, 16) uint8 BGR of one colour."""
    return torch.tensor(colour, dtype=torch.uint8).view(1, 3, 1, 1, 1).expand(1, 3, 2, 16, 16)


def test_grid_shows_reference_masked_generated_real_in_their_colours() -> None:
    batch = to_network({GT: plain(RED), REFERENCE: plain(GREEN)}, torch.device("cpu"))
    grid = face_grid(batch, plain(BLUE).float() / 255)
    assert grid.shape == (16, 64, 3)
    assert [tuple(grid[2, column]) for column in (8, 24, 40, 56)] == [GREEN, RED, BLUE, RED]
    assert tuple(grid[12, 24]) == (0, 0, 0)
    rgb = to_rgb(grid)
    assert rgb.shape == (3, 16, 64)
    assert rgb[:, 2, 56].tolist() == [255, 0, 0]  # red is red in TensorBoard


@dataclass
class MemoryClip:
    name: str
    frames: np.ndarray
    mel: np.ndarray
    present: np.ndarray


class WithClips(TinySet):
    def __init__(self, count: int = 30) -> None:
        super().__init__(5)
        random = np.random.default_rng(0)
        frames = random.integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)
        mel = random.standard_normal((80, int(count / 25 * 80)), dtype=np.float32)
        self.clips = [MemoryClip("who/what", frames, mel, np.arange(count) > 0)]


def test_clip_is_drawn_with_the_mel_and_masks_of_training(tmp_path: Path) -> None:
    clip = WithClips().clips[0]
    trainer = tiny_trainer(tiny_config(tmp_path))
    seen = []
    trainer.model.predict = lambda batch: seen.append(batch) or batch["input_frames"][:, :3]  # type: ignore[method-assign,func-returns-value]
    images = list(clip_frames(trainer.model, clip, fps=25, device=torch.device("cpu"), batch_size=4, precision="fp32"))
    assert len(images) == 30
    assert {image.shape for image in images} == {(16, 32, 3)}
    assert all(np.array_equal(image[:, :16], frame) for image, frame in zip(images, clip.frames, strict=True))
    assert np.array_equal(images[9][:8, 16:], clip.frames[9, :8])  # upper half given
    assert not images[9][8:, 16:].any()  # lower half hidden
    frames = torch.cat([batch["input_frames"] for batch in seen])
    assert frames.shape == (30, 6, 16, 16)
    reference = (frames[20, 3:] * 255).round().permute(1, 2, 0).numpy()
    assert np.array_equal(reference, clip.frames[1])  # frame 0 has no face
    mels = torch.cat([batch["indiv_mels"] for batch in seen]).numpy()
    assert mels.shape == (30, 1, 80, 16)
    assert np.array_equal(mels[11, 0], clip.mel[:, 32:48])  # frame 11 hears from frame 10 on: 10 * 80 / 25
    assert np.array_equal(mels[29, 0], clip.mel[:, 80:96])  # the last 16 steps there are


def test_clip_of_a_model_with_a_decoder_is_sketched_and_drawn_large(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoMesh:
        """Noise has no landmarks."""

        def find(self, crop: np.ndarray) -> None:
            assert crop.shape == (128, 128, 3)

        def __enter__(self) -> NoMesh:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr("talkingface.utils.face.crop_mesh.CropMesh", NoMesh)
    torch.manual_seed(0)
    model = HyperLipsHR(HyperLipsHRConfig(img_size=128, base_img_size=16)).train()
    random = np.random.default_rng(0)
    frames = random.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    clip = MemoryClip("who/what", frames, random.standard_normal((80, 16), dtype=np.float32), np.ones(5, bool))
    images = list(clip_frames(model, clip, fps=25, device=torch.device("cpu"), batch_size=2, precision="fp32"))
    assert [image.shape for image in images] == [(128, 256, 3)] * 5
    assert model.training
    small = cv2.resize(images[3][:, :128], (32, 32), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - frames[3]).mean() < 40, "the real face, enlarged"


@pytest.mark.parametrize("with_sound", [True, False])
def test_training_writes_picture_and_video(tmp_path: Path, with_sound: bool) -> None:
    config = tiny_config(tmp_path, max_steps=2, sample_every=100, video_every=2)
    if with_sound:
        sound = (0.5 * np.sin(np.arange(19200) / 16000 * 2 * np.pi * 440)).astype(np.float32)
        folder = tmp_path / "prepared" / "imgs" / "who" / "what"
        folder.mkdir(parents=True)
        write_wav(folder / "audio.wav", sound, 16000)
    trainer = tiny_trainer(config)
    trainer.fit(TinySet(), WithClips())
    picture = cv2.imread(str(trainer.run.samples / "step-000002.png"))
    assert picture is not None
    assert picture.shape == (4 * 16, 4 * 16, 3)
    video = probe(trainer.run.samples / "step-000002.mp4")
    assert (video.width, video.height, video.frames, video.has_audio) == (32, 16, 30, with_sound)
    if with_sound:
        heard = read_audio(trainer.run.samples / "step-000002.mp4")
        assert np.abs(heard).max() > 0.3
    events = EventAccumulator(str(tmp_path / "log" / trainer.run.name))
    events.Reload()
    images = {
        "samples/reference_masked_generated_real", "samples/real_above_generated", "samples/real_beside_generated"
    }  # fmt: skip
    assert set(events.Tags()["images"]) == images


def test_datasets_give_the_clips_that_videos_are_made_of() -> None:
    assert isinstance(WindowDataset.clips, property)
