"""Formant synthesis: a glottal pulse through four resonances, plus band-limited hiss."""

# N control steps of H samples each

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkingface.demo.speech import CONTROL_RATE, SpeechTracks

_BANDWIDTHS = (80.0, 100.0, 140.0, 220.0)
"""Width of each resonance, Hz."""
_FOURTH_FORMANT = 3500.0


@dataclass(frozen=True)
class Voice:
    """What makes a speaker's voice their own."""

    pitch: float = 140.0
    """Mean frequency of the glottal pulse, Hz."""
    tract: float = 1.0
    """Factor on all resonances; above 1 is a shorter vocal tract."""
    breath: float = 0.02
    """Noise in the glottal pulse."""


def _glottal_pulse(pitch: NDArray[np.float64], sample_rate: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Derivative of a rising and falling airflow, and where the glottis is open, (N*H,) each; `pitch` (N*H,) Hz."""
    phase = np.cumsum(pitch) / sample_rate % 1.0
    rising = 0.5 * (1 - np.cos(np.pi * phase / 0.4))
    falling = np.cos(np.pi * (phase - 0.4) / 0.32)
    flow = np.where(phase < 0.4, rising, np.where(phase < 0.56, falling, 0.0))
    return np.diff(flow, prepend=0.0) * 6, phase < 0.56


def _resonate(source: NDArray[np.float64], formants: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """Pass (N*H,) samples through a cascade of resonances whose (N, 4) frequencies change every H samples."""
    from scipy.signal import sosfilt

    hop = len(source) // len(formants)
    radius = np.exp(-np.pi * np.array(_BANDWIDTHS) / sample_rate)
    sections = np.zeros((len(formants), len(_BANDWIDTHS), 6))
    sections[:, :, 3] = 1
    sections[:, :, 4] = -2 * radius * np.cos(2 * np.pi * formants / sample_rate)
    sections[:, :, 5] = radius**2
    sections[:, :, 0] = sections[:, :, 3:].sum(axis=2)  # unit gain at 0 Hz
    out, state = np.empty_like(source), np.zeros((len(_BANDWIDTHS), 2))
    for step in range(len(formants)):
        part = slice(step * hop, (step + 1) * hop)
        out[part], state = sosfilt(sections[step], source[part], zi=state)
    return out


def _hiss(tracks: SpeechTracks, rng: np.random.Generator, samples: int, sample_rate: int) -> NDArray[np.float64]:
    """White noise cut to each sound's band, (N*H,)."""
    from scipy.ndimage import gaussian_filter1d

    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequency = np.fft.rfftfreq(samples, 1 / sample_rate)
    hop, out = samples // len(tracks.noise), np.zeros(samples)
    for low, high in sorted({(int(low), int(high)) for low, high in tracks.band if high > 0}):
        band = np.fft.irfft(spectrum * ((frequency > low) & (frequency < high)), samples)
        here = (tracks.band[:, 0] == low) & (tracks.band[:, 1] == high)
        out += band * np.repeat(gaussian_filter1d(tracks.noise * here, 1.2), hop)
    return out


def synthesize(
    tracks: SpeechTracks, voice: Voice, rng: np.random.Generator, *, sample_rate: int = 16000
) -> NDArray[np.float32]:
    """Speak the tracks.

    Returns:
        (N*H,) mono samples in [-0.8, 0.8].
    """
    from scipy.ndimage import gaussian_filter1d

    steps, hop = len(tracks.voice), sample_rate // CONTROL_RATE
    melody = 0.10 * np.sin(2 * np.pi * 0.45 * np.arange(steps) / CONTROL_RATE + rng.uniform(0, 6))
    jitter = 0.09 * gaussian_filter1d(rng.standard_normal(steps), 6)
    source, is_open = _glottal_pulse(np.repeat(voice.pitch * (1 + melody + jitter), hop), sample_rate)
    source = source + voice.breath * rng.standard_normal(source.size) * is_open
    fourth = np.full((steps, 1), _FOURTH_FORMANT)
    formants = np.hstack([tracks.formants, fourth]) * voice.tract
    voiced = _resonate(source * np.repeat(tracks.voice, hop), formants, sample_rate)
    mixed = voiced / (np.abs(voiced).max() + 1e-9) * 0.75 + 0.12 * _hiss(tracks, rng, source.size, sample_rate)
    mixed += 0.0006 * rng.standard_normal(mixed.size)
    return (mixed / np.abs(mixed).max() * 0.8).astype(np.float32)
