"""The mel spectrogram against values of the original recipe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talkingface.utils.media import mel
from talkingface.utils.media.mel import melspectrogram

GOLDEN = Path(__file__).parents[1] / "golden" / "mel" / "synthetic_2s.npz"


def _synthetic():
    t = np.arange(32000) / 16000
    sound = 0.3 * np.sin(2 * np.pi * (200 * t + 900 * t**2)) + 0.05 * np.random.RandomState(5).standard_normal(32000)
    sound[12000:14000] = 0
    return sound.astype(np.float32)


@pytest.mark.parametrize("pad_mode", ["constant", "reflect"])
def test_golden(pad_mode):
    golden, result = np.load(GOLDEN), melspectrogram(_synthetic(), pad_mode)
    assert result.shape == (80, 161) and result.dtype == np.float32
    np.testing.assert_allclose(result[:, golden["columns"]], golden[pad_mode], atol=1e-4)


def test_blocks_do_not_show(monkeypatch):
    whole = melspectrogram(_synthetic())
    monkeypatch.setattr(mel, "BLOCK", 7)
    np.testing.assert_array_equal(melspectrogram(_synthetic()), whole)


@pytest.mark.parametrize("pad_mode", ["constant", "reflect"])
@pytest.mark.parametrize("length", [0, 1, 2, 199, 200, 401])
def test_short_sounds(pad_mode, length):
    result = melspectrogram(np.zeros(length, np.float32), pad_mode)
    assert result.shape == (80, 1 + length // 200)
    assert (result == -4).all()


def test_a_window_with_context_repeats_what_lies_at_the_ends():
    values = np.arange(20, dtype=np.float32)[None].repeat(80, axis=0)
    np.testing.assert_array_equal(mel.mel_window(values, 2)[0], np.arange(2, 18))
    np.testing.assert_array_equal(mel.mel_window(values, 2, context=2)[0], np.arange(20))
    np.testing.assert_array_equal(mel.mel_window(values, 0, context=3)[0], [0, 0, 0, *range(19)])
    np.testing.assert_array_equal(mel.mel_window(values, 4, context=3)[0], [*range(1, 20), 19, 19, 19])


def test_wrong_arguments():
    with pytest.raises(ValueError, match="shape"):
        melspectrogram(np.zeros((2, 5), np.float32))
    with pytest.raises(ValueError, match="edge"):
        melspectrogram(np.zeros(5, np.float32), "edge")
