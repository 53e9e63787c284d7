"""From a random generator to speech: a phoneme schedule, and the tracks of voice and lips that follow it."""

# N control steps, 200 a second

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkingface.data.demo.phonemes import CLOSED, CONSONANTS, PHONEMES, SILENCE, VOWELS

CONTROL_RATE = 200
"""Steps a second of all tracks."""
LIP_SMOOTHING = 0.030
"""Standard deviation of the lips' coarticulation, seconds: lips move more slowly than sounds change."""


class Segment(NamedTuple):
    """A phoneme and how long it is held."""

    phoneme: str
    seconds: float


@dataclass(frozen=True)
class SpeechTracks:
    """One clip's speech, step by step."""

    formants: NDArray[np.float64]
    """(N, 3) Hz."""
    voice: NDArray[np.float64]
    """(N,) loudness of the voiced source, 0 to about 1.3."""
    noise: NDArray[np.float64]
    """(N,) loudness of the hiss, 0 to 1."""
    band: NDArray[np.int64]
    """(N, 2) frequencies of the hiss, Hz; 0, 0 where there is none."""
    opening: NDArray[np.float64]
    """(N,) distance of the lips, 0 closed to about 1."""
    width: NDArray[np.float64]
    """(N,) corners of the mouth, -1 rounded to 1 spread."""

    def lips_at(self, seconds: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Opening and width at the given moments, each of the shape of `seconds`."""
        steps = np.arange(len(self.opening)) + 0.5
        at = seconds * CONTROL_RATE
        return np.interp(at, steps, self.opening), np.interp(at, steps, self.width)


def draw_schedule(rng: np.random.Generator, seconds: float) -> list[Segment]:
    """Phrases of three to seven syllables between pauses, at least `seconds` long, silent at both ends."""
    vowels, consonants = list(VOWELS), list(CONSONANTS)
    lead, tail = min(0.25, seconds / 8), min(0.45, seconds / 5)
    schedule, now = [Segment(SILENCE, lead)], lead
    while now < seconds - tail:
        for _ in range(rng.integers(3, 8)):
            onset = [consonants[rng.integers(len(consonants))]] if rng.random() < 0.9 else []
            nucleus = [vowels[rng.integers(len(vowels))]]
            coda = [consonants[rng.integers(len(consonants))]] if rng.random() < 0.25 else []
            for phoneme in onset + nucleus + coda:
                held = PHONEMES[phoneme].seconds * rng.uniform(0.85, 1.3)
                schedule.append(Segment(phoneme, held))
                now += held
            if now > seconds - tail:
                break
        pause = rng.uniform(0.12, 0.40)
        schedule.append(Segment(SILENCE, pause))
        now += pause
    schedule.append(Segment(SILENCE, max(0.0, seconds - now) + 0.1))
    return schedule


def _steps(schedule: list[Segment], count: int) -> list[str]:
    """The phoneme of each control step, (N,)."""
    ends = np.cumsum([segment.seconds for segment in schedule]) * CONTROL_RATE
    index = np.searchsorted(ends, np.arange(count) + 0.5, side="right")
    return [schedule[min(i, len(schedule) - 1)].phoneme for i in index]


def tracks_of(schedule: list[Segment], seconds: float, rng: np.random.Generator) -> SpeechTracks:
    """Smooth the schedule into tracks.

    Voice and lips share one slow random stress, so that louder syllables open the mouth wider. Where the lips must
    touch (`CLOSED`) they are brought together whatever their neighbours want.
    """
    from scipy.ndimage import gaussian_filter1d

    count = round(seconds * CONTROL_RATE)
    labels = _steps(schedule, count)
    sounds = [PHONEMES[label] for label in labels]
    stress = np.clip(1 + 1.45 * gaussian_filter1d(rng.standard_normal(count), 60), 0.7, 1.3)

    def smooth(values: list[float] | NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
        return gaussian_filter1d(np.asarray(values, dtype=np.float64), sigma, axis=0)

    lips = LIP_SMOOTHING * CONTROL_RATE
    closed = smooth([float(label in CLOSED) for label in labels], 2.5)
    opening = smooth([sound.opening for sound in sounds], lips) * np.clip(1 - 1.15 * closed, 0, 1)
    opening = smooth(opening, 1.5) * (0.35 + 0.65 * smooth(stress, 8))
    opening *= np.clip(1 / max(opening.max(), 1e-6), 0.8, 1.35)  # as the voice, which is brought to one peak level
    return SpeechTracks(
        formants=smooth(np.array([sound.formants for sound in sounds], dtype=np.float64), 4),
        voice=smooth([sound.voice for sound in sounds], 2.5) * stress,
        noise=np.array([sound.noise for sound in sounds], dtype=np.float64),
        band=np.array([sound.band for sound in sounds], dtype=np.int64),
        opening=opening,
        width=smooth([sound.width for sound in sounds], lips),
    )


def draw_speech(rng: np.random.Generator, seconds: float) -> SpeechTracks:
    """Random speech of the given length."""
    return tracks_of(draw_schedule(rng, seconds), seconds, rng)
