"""Reading sound: in step with the video, one channel, the wanted rate."""

from __future__ import annotations

import wave

import numpy as np
import pytest
from media_files import lag, numbered, speech_like, write_video

from talkingface.utils.media.audio import read_audio, write_wav


@pytest.mark.parametrize(
    ("video_ms", "audio_ms"), [(0, 0), (0, 200), (200, 0), (120, 80)], ids=["together", "late", "early", "both"]
)
def test_sample_zero_belongs_to_the_first_frame(tmp_path, video_ms, audio_ms):
    sound = speech_like(1.5, 16000)
    frames, times = [numbered(k) for k in range(30)], [video_ms + 40 * k for k in range(30)]
    path = write_video(tmp_path / "a.mkv", frames, times_ms=times, sounds=[(sound[None], 16000, audio_ms)])
    heard = read_audio(path)
    late = (audio_ms - video_ms) * 16
    assert abs(lag(heard, sound) - late) <= 16  # the container counts milliseconds
    if late > 0:
        assert np.abs(heard[: late - 400]).max() < 0.02


def test_offset_in_mp4(tmp_path):
    sound = speech_like(1.5, 16000)
    path = write_video(tmp_path / "a.mp4", [numbered(k) for k in range(30)], sounds=[(sound[None], 16000, 300)])
    assert abs(lag(read_audio(path), sound) - 4800) <= 16


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_rates_and_channels(tmp_path, rate):
    left, right = speech_like(1.5, rate, seed=1), speech_like(1.5, rate, seed=2)
    path = write_video(tmp_path / "a.mp4", [numbered(0)] * 10, sounds=[(np.stack([left, right]), rate, 0)])
    heard = read_audio(path, rate)
    assert len(heard) == len(left)
    assert lag(heard, (left + right) / 2) == 0
    assert np.corrcoef(heard, (left + right) / 2)[0, 1] > 0.9
    resampled = read_audio(path)
    assert resampled.dtype == np.float32
    assert abs(len(resampled) - 24000) <= 1


def test_the_first_of_several_tracks(tmp_path):
    first, second = speech_like(1, 16000, seed=1), speech_like(1, 16000, seed=2)
    path = write_video(
        tmp_path / "a.mp4", [numbered(0)] * 10, sounds=[(first[None], 16000, 0), (second[None], 16000, 0)]
    )
    heard = read_audio(path)
    assert np.corrcoef(heard, first)[0, 1] > 0.9


def test_wav_round_trip(tmp_path):
    path, sound = tmp_path / "a.wav", speech_like(1, 16000)
    write_wav(path, sound, 16000)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (
            1,
            2,
            16000,
            16000,
        )
    heard = read_audio(path)
    assert heard.shape == sound.shape
    assert np.abs(heard - sound).max() < 2 / 32768


def test_loud_samples_are_clipped(tmp_path):
    path = tmp_path / "a.wav"
    write_wav(path, np.array([2.0, -2.0, 0.5], np.float32), 16000)
    assert read_audio(path) == pytest.approx([1, -1, 0.5], abs=1e-4)
