"""The sound as SyncNet v2 reads it: 13 MFCC, 100 a second."""

from __future__ import annotations

import numpy as np

SAMPLE_RATE = 16000
SAMPLES_PER_FRAME = 640
"""Samples in a frame of 25 fps."""
STEPS_PER_FRAME = 4
PCM = 32768


def to_pcm(samples: np.ndarray) -> np.ndarray:
    """Samples in [-1, 1] to int16, as a WAV file holds them."""
    return np.asarray(np.clip(np.round(samples * PCM), -PCM, PCM - 1).astype(np.int16))


def mfcc(pcm: np.ndarray) -> np.ndarray:
    """Coefficients (13, steps) float64 of int16 samples at 16 kHz, by python_speech_features' defaults.

    Windows of 25 ms every 10 ms, 26 filters, 512 points, pre-emphasis 0.97, lifter 22, log energy first. int16
    matters: the log energy depends on the scale.
    """
    from python_speech_features import mfcc as coefficients

    return np.asarray(coefficients(pcm, SAMPLE_RATE)).T
