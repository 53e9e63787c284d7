"""The sync scores with an expert whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from videos import measured, pair

from talkingface.evaluator.metrics.sync import SyncConfidence, SyncDistance, SyncOffset


class KnownExpert:
    """Reads a level from the first frame of a face window and from the first mel step, and turns it into an angle."""

    def window(self, frames):
        return frames[:, :1, 0, :1, 0]

    num_frames = 5

    def embed_face(self, level):
        return self._point(level[:, 0, 0, None] if level.ndim == 3 else level[:, :1])

    def embed_audio(self, mel):
        return self._point((mel[:, 0, 0, :1] + 4) / 8)

    def _point(self, level):
        angle = level.float() * torch.pi / 2
        return torch.cat([angle.cos(), angle.sin()], dim=1)


def video(late, count=125, fps=25.0, missing=()):
    """Face k shows the level whose sound is `late` frames before it."""
    levels = np.random.default_rng(2).integers(0, 256, 400)
    crops = np.zeros((count, 8, 8, 3), np.uint8)
    crops[:] = levels[(np.arange(count) / fps * 25).round().astype(int) - late + 100][:, None, None, None]
    mel = np.zeros((80, round(count / fps * 80)), np.float32)
    steps = np.arange(mel.shape[1])
    for frame in range(int(count / fps * 25)):
        mel[:, steps >= 80 * frame // 25] = levels[frame + 100] / 255 * 8 - 4
    boxes = np.tile(np.float32([0, 0, 8, 8]), (count, 1))
    boxes[list(missing)] = np.nan
    return measured(crops=crops, mel=mel, boxes=boxes, fps=fps)


@pytest.mark.parametrize("late", [-9, 0, 1, 12])
def test_offset_and_confidence(late):
    both = pair(video(0), video(late), KnownExpert())
    assert SyncOffset().calculate_metric(both) == late
    assert SyncDistance().calculate_metric(both) == pytest.approx(0, abs=1e-3)
    assert 0.2 < SyncConfidence().calculate_metric(both) < np.sqrt(2)


def test_other_rates_and_missing_faces():
    assert SyncOffset().calculate_metric(pair(video(0), video(3, count=250, fps=50.0), KnownExpert())) == 3
    assert SyncOffset().calculate_metric(pair(video(0), video(3, missing=range(10, 60)), KnownExpert())) == 3
    assert np.isnan(SyncOffset().calculate_metric(pair(video(0), video(3, missing=range(125)), KnownExpert())))
    assert np.isnan(SyncConfidence().calculate_metric(pair(video(0), video(0, count=6), KnownExpert())))


def test_without_an_expert_it_is_not_measured():
    assert "expert" in (SyncOffset().not_measured(pair(video(0), video(0)).networks) or "")


def test_the_real_expert_can_be_asked():
    from talkingface.model.audio_driven_talkingface.syncnet import SyncNet_color

    crops = np.random.default_rng(0).integers(0, 256, (12, 128, 128, 3)).astype(np.uint8)
    both = pair(measured(crops=crops), measured(crops=crops), SyncNet_color().eval())
    assert 0 <= SyncDistance().calculate_metric(both) <= np.sqrt(2)
