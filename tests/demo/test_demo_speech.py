"""The synthesised speech against what is known of speech: resonances, pitch, silence, closed lips."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.demo.config import DemoClip, DemoConfig
from talkingface.demo.speech import CLOSED, CONTROL_RATE, PHONEMES, Segment, draw_schedule, draw_speech, tracks_of
from talkingface.demo.voice import Voice, synthesize

RATE = 16000


def spectrum(phoneme: str, voice: Voice) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and smoothed power of a sound held for a second."""
    rng = np.random.default_rng(0)
    samples = synthesize(tracks_of([Segment(phoneme, 1.0)], 1.0, rng), voice, rng)
    power = np.abs(np.fft.rfft(samples[2000:-2000] * np.hanning(len(samples) - 4000))) ** 2
    width = int(voice.pitch / (RATE / (len(samples) - 4000)))
    return np.fft.rfftfreq(len(samples) - 4000, 1 / RATE), np.convolve(power, np.ones(width) / width, "same")


@pytest.mark.parametrize("phoneme", ["aa", "iy", "uw", "eh"])
def test_vowels_ring_at_their_second_formant(phoneme: str) -> None:
    frequency, power = spectrum(phoneme, Voice(pitch=100.0))
    first, second, third = PHONEMES[phoneme].formants
    low, high = (first + second) / 2, (second + third) / 2
    band = (frequency > low) & (frequency < high)
    assert abs(frequency[band][np.argmax(power[band])] - second) < 130


def test_pitch_is_the_speakers() -> None:
    rng = np.random.default_rng(1)
    for pitch in (110.0, 205.0):
        samples = synthesize(tracks_of([Segment("aa", 2.0)], 2.0, rng), Voice(pitch=pitch), rng)
        found = []
        for start in range(4000, 28000, 2000):
            part = samples[start : start + 1600]
            likeness = np.correlate(part, part, "full")[1600 - 1 :]
            lags = np.arange(RATE // 400, RATE // 70)
            found.append(RATE / lags[np.argmax(likeness[lags])])
        assert abs(np.median(found) / pitch - 1) < 0.12


def test_lips_touch_where_they_must_and_silence_is_quiet() -> None:
    rng = np.random.default_rng(2)
    schedule = draw_schedule(rng, 4.0)
    tracks = tracks_of(schedule, 4.0, rng)
    samples = synthesize(tracks, Voice(), rng)
    assert tracks.opening.min() >= 0 and 0.8 <= tracks.opening.max() <= 1.05
    now, loud = 0.0, []
    for phoneme, seconds in schedule:
        middle = int((now + seconds / 2) * CONTROL_RATE)
        if phoneme in CLOSED and middle < len(tracks.opening):
            assert tracks.opening[middle] < 0.06, (phoneme, now)
        part = samples[int((now + 0.03) * RATE) : int((now + seconds - 0.03) * RATE)]
        if phoneme == "sil" and len(part) > 800:
            assert np.abs(part).mean() < 0.02
        elif phoneme in ("aa", "ae") and len(part):
            loud.append(np.abs(part).mean())
        now += seconds
    assert np.mean(loud) > 0.05


def test_schedules_last_as_long_as_asked() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        seconds = float(rng.uniform(1, 6))
        assert sum(segment.seconds for segment in draw_schedule(rng, seconds)) >= seconds
        assert len(draw_speech(rng, seconds).opening) == round(seconds * CONTROL_RATE)


def test_every_clip_says_something_else_and_the_same_again() -> None:
    from talkingface.demo.clip import plan_clip

    def make(seed: int) -> DemoConfig:
        roots = dict.fromkeys(("data_root", "filelist_root", "preprocessed_root", "packed_root"), "unused")
        return DemoConfig(**roots, demo_seconds=1.6, demo_seed=seed)

    config = make(0)
    clips = [DemoClip(0, 0), DemoClip(0, 1), DemoClip(1, 0)]
    first, again = ([plan_clip(config, clip) for clip in clips] for _ in range(2))
    for plan, same in zip(first, again, strict=True):
        assert plan.samples.tobytes() == same.samples.tobytes() and len(plan.samples) == 1.6 * RATE
        assert len(plan.opening) == 40
    assert np.abs(first[0].opening - first[1].opening).max() > 0.2
    assert np.abs(first[0].opening - first[2].opening).max() > 0.2
    other = plan_clip(make(1), clips[0])
    assert np.abs(first[0].opening - other.opening).max() > 0.2
