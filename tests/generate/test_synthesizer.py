"""What the model is given, and in which order its faces come."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from stand_ins import FACE, Painter, Reference, config_of, frame_with_face

from talkingface.data.dataset.store import cut_face_mels
from talkingface.generate.dubbing import DubbingSettings
from talkingface.generate.synthesizer import Synthesizer, cut_faces
from talkingface.model.audio_driven_talkingface.litelips_config import LiteLipsConfig
from talkingface.timing import face_mel_starts
from talkingface.utils.face.follow import FollowedFrame
from talkingface.utils.media.mel import melspectrogram

SAMPLES = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)


def followed(number, level, found=True, box=FACE):
    box = np.array(box, np.float32) if found else None
    return FollowedFrame(number=number, frame=frame_with_face(level), box=box, landmarks=None, found=found)


def draw(model, frames, fps=25, **keys):
    keys = {"generate_batch_size": 2, **keys}
    settings = DubbingSettings.of(config_of(**keys))
    synthesizer = Synthesizer(model, device=torch.device("cpu"), batch_size=settings.batch_size)
    return list(synthesizer.draw(cut_faces(frames, SAMPLES, fps, settings)))


@pytest.mark.parametrize(("fps", "timing"), [(25, "training"), (30, "training"), (30, "published")])
def test_frames_keep_their_order_and_their_mel_where_faces_are_missing(fps, timing):
    model = Painter()
    found = [True, False, True, True, False, False, True]
    out = draw(model, [followed(k, 10 * k, f) for k, f in enumerate(found)], fps, mel_timing=timing)
    assert [one.item[0].frame[0, 0, 0] for one in out] == [10 * k for k in range(7)]
    assert [one.face is not None for one in out] == [one.item[1] is not None for one in out] == found
    mel = melspectrogram(SAMPLES)
    starts = face_mel_starts((0, 2, 3, 6), fps, steps=mel.shape[1], timing=timing)
    wanted = np.stack([mel[:, start : start + 16] for start in starts])
    np.testing.assert_array_equal(torch.cat(model.mels)[:, 0].numpy(), wanted)


def test_a_model_that_wants_context_hears_what_training_gave_it():
    model = Painter()
    settings = DubbingSettings.of(config_of(LiteLipsConfig, mel_context=8))
    stream = cut_faces([followed(k, 10 * k) for k in range(25)], SAMPLES, 25, settings)
    list(Synthesizer(model, device=torch.device("cpu")).draw(stream))
    mel = melspectrogram(SAMPLES)
    starts = face_mel_starts(range(25), steps=mel.shape[1])
    np.testing.assert_array_equal(torch.cat(model.mels).numpy(), cut_face_mels(mel, starts, 8))
    assert model.mels[0].shape[-1] == 32


def test_a_sound_shorter_than_a_window_is_followed_by_silence():
    model = Painter()
    settings = DubbingSettings.of(config_of())
    stream = cut_faces([followed(0, 40)], SAMPLES[:640], 25, settings)
    list(Synthesizer(model, device=torch.device("cpu")).draw(stream))
    assert model.mels[0].shape == (1, 1, 80, 16) and (model.mels[0][..., 8:] == -4).all()


def test_the_first_face_is_the_reference_of_all_and_the_target_is_masked():
    model = Painter()
    levels = [40, 90, 140]
    draw(model, [followed(k, n, box=(0, 0, 24, 96)) for k, n in enumerate(levels)])
    given = torch.cat(model.frames)
    assert given.shape == (3, 6, 32, 32)
    assert torch.allclose(given[:, 3:], torch.full((3, 3, 32, 32), 40 / 255))
    assert (given[:, :3, 16:] == 0).all()
    assert torch.allclose(given[:, 0, 0, 0], torch.tensor(levels) / 255)


def test_a_given_reference_is_taken():
    synthesizer = Synthesizer(Reference(), device=torch.device("cpu"), reference=np.full((32, 32, 3), 77, np.uint8))
    (one,) = synthesizer.draw([("x", np.zeros((32, 32, 3), np.uint8), np.zeros((80, 16), np.float32))])
    assert one.item == "x" and (one.face == 77).all()


def test_frames_of_one_colour_are_not_drawn_where_no_face_was_found():
    black, grey = np.zeros((96, 96, 3), np.uint8), frame_with_face(90)
    box = np.array(FACE, np.float32)
    frames = [
        FollowedFrame(number=k, frame=frame, box=box, landmarks=None, found=found)
        for k, (frame, found) in enumerate([(grey, True), (black, False), (grey // 3, False), (black, True)])
    ]
    drawn = draw(Painter(), frames, generate_pads=(8, 0, 8, 0))  # so that edges of the square lie in the box
    assert [one.face is not None for one in drawn] == [True, False, True, True]
