"""Which mel goes with which frame, and what the model is given."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from stand_ins import FACE, Painter, frame_with_face

from talkingface.generate.synthesizer import Synthesizer, mel_chunk_start
from talkingface.timing import indiv_starts, inference_starts
from talkingface.utils.face.follow import FollowedFrame


def test_training_timing_is_the_training_windows_at_25_fps():
    starts = [mel_chunk_start(k, fps=25, length=1000) for k in range(1, 250)]
    assert starts == [indiv_starts(k, num_frames=1)[0] for k in range(1, 250)]


def test_published_timing_is_the_published_inference():
    for fps in (25, 30):
        wanted = inference_starts(400, fps)
        got = [mel_chunk_start(k, fps=fps, length=400, timing="published") for k in range(len(wanted))]
        assert got == wanted


@pytest.mark.parametrize(
    ("frame", "fps", "length", "start"),
    [
        (0, 25, 100, 0), (1, 25, 100, 0), (2, 25, 100, 3), (30, 30, 400, 76), (60, 30, 400, 156), (999, 25, 100, 84),
        (5, 25, 16, 0),
    ],
)  # fmt: skip
def test_hand_worked_starts(frame, fps, length, start):
    """Frame 30 of 30 fps is at 1 s; its mel starts at 0.96 s, step 76.8."""
    assert mel_chunk_start(frame, fps=fps, length=length) == start


def synthesizer(model, batch_size=2):
    mel = np.arange(80 * 100, dtype=np.float32).reshape(80, 100)
    return Synthesizer(
        model=model, mel=mel, fps=25, img_size=32, device=torch.device("cpu"), precision="fp32", batch_size=batch_size
    )


def tracked(level, found=True):
    box = np.array(FACE, np.float32) if found else None
    return FollowedFrame(number=0, frame=frame_with_face(level), box=box, landmarks=None, found=found)


def test_frames_keep_their_order_and_their_mel_where_faces_are_missing():
    model = Painter()
    found = [True, False, True, True, False, False, True]
    out = list(synthesizer(model).draw([tracked(10 * k, f) for k, f in enumerate(found)]))
    assert [one.frame[0, 0, 0] for one, _ in out] == [10 * k for k in range(7)]
    assert [drawn is not None for _, drawn in out] == found
    first_steps = torch.cat(model.mels)[:, 0, 0, 0].tolist()
    assert first_steps == [mel_chunk_start(k, fps=25, length=100) for k in (0, 2, 3, 6)]


def test_the_first_face_is_the_reference_of_all_and_the_target_is_masked():
    model = Painter()
    levels = [40, 90, 140]
    left = np.array((0, 0, 24, 96), np.float32)
    frames = [
        FollowedFrame(number=k, frame=frame_with_face(n), box=left, landmarks=None, found=True)
        for k, n in enumerate(levels)
    ]
    list(synthesizer(model, batch_size=2).draw(frames))
    given = torch.cat(model.frames)
    assert given.shape == (3, 6, 32, 32)
    assert torch.allclose(given[:, 3:], torch.full((3, 3, 32, 32), 40 / 255))
    assert (given[:, :3, 16:] == 0).all()
    assert torch.allclose(given[:, 0, 0, 0], torch.tensor(levels) / 255)
