"""The log-mel spectrogram that the lip-sync networks hear."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# M mel bins (80), n mel steps

PadMode = Literal["constant", "reflect"]
"""What lies beyond both ends of the sound: silence, or the sound mirrored."""
MEL_BINS = 80
MEL_STEPS = 16
"""Steps in the window that belongs to five frames: 0.2 s."""
MELS_PER_SECOND = 80
SAMPLE_RATE = 16000
HOP = SAMPLE_RATE // MELS_PER_SECOND
FFT = 800
MIN_HZ, MAX_HZ = 55, 7600
PREEMPHASIS = 0.97
MIN_DB, REFERENCE_DB, LIMIT = -100.0, 20.0, 4.0
BLOCK = 2048
"""Steps computed at a time, so that hours of sound need no more memory than minutes."""

FIRST_MARK = "16000 Hz, hop 200, FFT 800, 80 bins 55-7600 Hz, preemphasis 0.97, -100 dB, 20 dB, 4"
"""`mel_mark` of mels that were stored before they had one."""


def mel_mark() -> str:
    """Everything above that a stored mel depends on: one with another mark has to be made again."""
    return (
        f"{SAMPLE_RATE} Hz, hop {HOP}, FFT {FFT}, {MEL_BINS} bins {MIN_HZ}-{MAX_HZ} Hz, preemphasis {PREEMPHASIS:g}, "
        f"{MIN_DB:g} dB, {REFERENCE_DB:g} dB, {LIMIT:g}"
    )


def melspectrogram(samples: NDArray[np.float32], pad_mode: PadMode = "constant") -> NDArray[np.float32]:
    """Turn sound into the normalised log-mel spectrogram of Wav2Lip's recipe.

    Preemphasis 0.97, magnitude STFT (800 samples, hop 200, Hann, centred), 80 Slaney mel filters from 55 to
    7600 Hz, 20 log10(max(1e-5, x)) - 20 dB, scaled so that -100 dB is -4 and 0 dB is 4, clipped.

    Args:
        samples: (n,) at 16 kHz in [-1, 1].
        pad_mode: how half a window is added at both ends: `constant` is silence (as HyperLips was trained),
            `reflect` mirrors the sound (as Wav2Lip was); only the first and last two steps differ.

    Returns:
        float32 (M, 1 + n // 200) in [-4, 4].

    Raises:
        ValueError: the samples are not (n,) or the pad mode has another name.
    """
    if samples.ndim != 1:
        raise ValueError(f"samples: wanted shape (n,), got {samples.shape}")
    if pad_mode not in ("constant", "reflect"):
        raise ValueError(f"pad_mode: wanted 'constant' or 'reflect', got {pad_mode!r}")
    steps = 1 + len(samples) // HOP
    sound = samples.astype(np.float64)
    sound[1:] -= PREEMPHASIS * samples[:-1].astype(np.float64)
    mirrored = pad_mode == "reflect" and len(sound) > 1
    sound = np.pad(sound, FFT // 2, mode="reflect" if mirrored else "constant")
    windows = np.lib.stride_tricks.sliding_window_view(sound, FFT)[::HOP][:steps]
    filters, hann = mel_filters(), 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)
    mel = np.empty((MEL_BINS, steps), np.float32)
    for start in range(0, steps, BLOCK):
        spectrum = np.abs(np.fft.rfft(windows[start : start + BLOCK] * hann))
        decibels = 20 * np.log10(np.maximum(1e-5, filters @ spectrum.T)) - REFERENCE_DB
        scaled = (decibels - MIN_DB) / -MIN_DB * 2 * LIMIT - LIMIT
        mel[:, start : start + BLOCK] = np.clip(scaled, -LIMIT, LIMIT)
    return mel


def mel_window(mel: NDArray[np.float32], start: int, *, context: int = 0) -> NDArray[np.float32]:
    """Cut the window of one face out of a mel, with some steps before and after it.

    Args:
        mel: (M, n), n of 16 at least.
        start: first step of the window of 16; the window lies inside the mel.
        context: steps wanted on both sides of it; where the mel ends before, its end is repeated.

    Returns:
        (M, 16 + 2 context).
    """
    first, last = start - context, start + MEL_STEPS + context
    if first >= 0 and last <= mel.shape[1]:
        return mel[:, first:last]
    inside = mel[:, max(first, 0) : last]
    return np.pad(inside, ((0, 0), (max(-first, 0), max(last - mel.shape[1], 0))), mode="edge")


@functools.cache
def mel_filters() -> NDArray[np.float64]:
    """(M, 401) triangular filters, Slaney's scale and area normalisation."""
    import librosa

    filters = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=FFT, n_mels=MEL_BINS, fmin=MIN_HZ, fmax=MAX_HZ)
    return np.asarray(filters, dtype=np.float64)
