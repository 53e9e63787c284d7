"""A narrow expert, trained for seconds on clips whose sound is their picture, finds every shift; what it is told."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from talkingface.batch import stack_frames
from talkingface.evaluator.metrics.sync import sync_scores
from talkingface.evaluator.protocols.expert import PackedVideo
from talkingface.model.audio_driven_talkingface.syncnet import AUDIO, FACE_48X96, SyncNetWav2Lip, Table
from talkingface.model.losses import sync_loss

SIZE, FRAMES, WINDOW, STEPS = 96, 125, 5, 100
PICTURE = F.interpolate(torch.rand(8, 3, 6, 12, generator=torch.Generator().manual_seed(0)), (48, 96))
"""Eight lower halves: what a face shows while one of eight tones sounds."""


def narrow(table: Table) -> Table:
    """The table with a quarter of the channels, those of pictures and mels aside."""
    return [{**row, **{key: row[key] // 4 if row[key] > 3 else row[key] for key in ("cin", "cout")}} for row in table]


class NarrowExpert(SyncNetWav2Lip):
    """All of the expert but its width: eight tones need no more."""

    face_table = narrow(FACE_48X96)
    audio_table = narrow(AUDIO)


def talking(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames (N, 96, 96, 3) and mel (80, n) of a clip that changes among eight tones at every second frame."""
    tones = np.repeat(np.random.default_rng(seed).integers(0, 8, FRAMES // 2 + 1), 2)[:FRAMES]
    frames = np.zeros((FRAMES, SIZE, SIZE, 3), np.uint8)
    frames[:, SIZE // 2 :] = (PICTURE[tones].permute(0, 2, 3, 1) * 255).byte().numpy()
    mel = np.full((80, FRAMES * 16 // 5 + 16), -4.0, np.float32)
    for step in range(FRAMES * 16 // 5):
        tone = tones[step * 5 // 16]
        mel[10 * tone : 10 * tone + 10, step] = 3.0
    return frames, mel


def pairs(rng: np.random.Generator, clips: list[tuple[np.ndarray, np.ndarray]], count: int) -> tuple[torch.Tensor, ...]:
    """Mels, face windows and whether they belong together; those that do not are of another time of the clip."""
    mels, faces, answers = [], [], []
    for _ in range(count):
        frames, mel = clips[rng.integers(len(clips))]
        start = int(rng.integers(FRAMES - WINDOW))
        other = int((start + rng.integers(WINDOW, FRAMES - 2 * WINDOW)) % (FRAMES - WINDOW))
        together = bool(rng.integers(2))
        begin = 16 * (start if together else other) // 5
        mels.append(mel[None, :, begin : begin + 16])
        faces.append(frames[start : start + WINDOW].transpose(3, 0, 1, 2))
        answers.append([float(together)])
    frames = torch.from_numpy(np.stack(faces)).float() / 255
    window = stack_frames(frames[..., SIZE // 2 :, :])
    return torch.from_numpy(np.stack(mels)), window, torch.tensor(answers)


@pytest.fixture(scope="module")
def expert() -> SyncNetWav2Lip:
    torch.manual_seed(0)
    network, rng = NarrowExpert().train(), np.random.default_rng(0)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-4)
    calmer = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, STEPS)
    clips = [talking(seed) for seed in range(40)]
    for _ in range(STEPS):
        mel, face, answer = pairs(rng, clips, 16)
        loss = sync_loss(*network(mel, face), answer)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        calmer.step()
    return network.eval()


def shown(seed: int, late: int) -> PackedVideo:
    frames, mel = talking(seed)
    present = np.ones(FRAMES, np.bool_)
    if late > 0:
        frames = np.concatenate([np.zeros_like(frames[:late]), frames])
        present = np.concatenate([np.zeros(late, np.bool_), present])
    return PackedVideo(crops=frames[max(-late, 0) :], present=present[max(-late, 0) :], mel=mel)


@pytest.mark.slow
def test_a_small_budget_tells_pairs_apart(expert: SyncNetWav2Lip) -> None:
    mel, face, answer = pairs(np.random.default_rng(9), [talking(100), talking(101)], 100)
    with torch.no_grad():
        says = F.cosine_similarity(*expert(mel, face)) > 0.5
    assert (says == (answer[:, 0] > 0.5)).float().mean() >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("late", range(-5, 6))
def test_every_shift_is_found(expert: SyncNetWav2Lip, late: int) -> None:
    found = sync_scores(shown(100, late), expert, torch.device("cpu"))
    assert found["offset"] == late and found["confidence"] > 0.1
