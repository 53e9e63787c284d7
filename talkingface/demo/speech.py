"""Random speech: a schedule of phonemes, and the tracks of voice and lips that follow it.

The tables say of each phoneme how it sounds and how the mouth looks while it is made.
"""

# N control steps, 200 a second

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Phoneme(NamedTuple):
    """One sound; formants are of an adult voice with vocal tract factor 1."""

    formants: tuple[int, int, int]
    """First three resonances, Hz."""
    voice: float
    """Loudness of the voiced source, 0 to 1."""
    noise: float
    """Loudness of the hiss, 0 to 1."""
    band: tuple[int, int]
    """Frequencies of the hiss, Hz."""
    opening: float
    """Distance of the lips, 0 (closed) to 1 (widest)."""
    width: float
    """Corners of the mouth: -1 rounded, 0 at rest, 1 spread."""
    seconds: float
    """Usual length."""


_QUIET = (0, 0)

VOWELS: dict[str, Phoneme] = {
    "aa": Phoneme((730, 1090, 2440), 1.00, 0, _QUIET, 1.00, 0.00, 0.150),
    "ae": Phoneme((660, 1720, 2410), 0.95, 0, _QUIET, 0.85, 0.35, 0.140),
    "eh": Phoneme((530, 1840, 2480), 0.80, 0, _QUIET, 0.60, 0.30, 0.120),
    "iy": Phoneme((270, 2290, 3010), 0.55, 0, _QUIET, 0.28, 0.70, 0.120),
    "ih": Phoneme((390, 1990, 2550), 0.60, 0, _QUIET, 0.38, 0.35, 0.090),
    "ao": Phoneme((570, 840, 2410), 0.85, 0, _QUIET, 0.75, -0.50, 0.150),
    "uw": Phoneme((300, 870, 2240), 0.50, 0, _QUIET, 0.24, -0.90, 0.130),
    "ow": Phoneme((450, 880, 2300), 0.70, 0, _QUIET, 0.50, -0.75, 0.150),
    "er": Phoneme((490, 1350, 1690), 0.65, 0, _QUIET, 0.42, -0.20, 0.130),
}

CONSONANTS: dict[str, Phoneme] = {
    "m": Phoneme((250, 1000, 2200), 0.22, 0, _QUIET, 0.00, 0.00, 0.090),
    "n": Phoneme((250, 1500, 2400), 0.30, 0, _QUIET, 0.18, 0.10, 0.070),
    "b": Phoneme((200, 900, 2200), 0.08, 0, _QUIET, 0.00, 0.00, 0.080),
    "p": Phoneme((200, 900, 2200), 0.00, 0, _QUIET, 0.00, 0.00, 0.090),
    "t": Phoneme((300, 1700, 2600), 0.00, 0.25, (3000, 7000), 0.15, 0.20, 0.055),
    "d": Phoneme((300, 1700, 2600), 0.10, 0.15, (2500, 5000), 0.18, 0.20, 0.050),
    "k": Phoneme((300, 1800, 2400), 0.00, 0.22, (1500, 3500), 0.25, 0.10, 0.060),
    "s": Phoneme((300, 1700, 2600), 0.00, 0.28, (4500, 7600), 0.10, 0.45, 0.100),
    "sh": Phoneme((300, 1700, 2600), 0.00, 0.30, (2200, 5500), 0.14, -0.55, 0.110),
    "f": Phoneme((300, 1100, 2200), 0.00, 0.12, (1500, 7500), 0.04, 0.10, 0.090),
    "v": Phoneme((260, 1100, 2200), 0.22, 0.06, (1500, 7500), 0.05, 0.10, 0.070),
    "l": Phoneme((360, 1300, 2700), 0.45, 0, _QUIET, 0.28, 0.10, 0.070),
    "r": Phoneme((330, 1150, 1500), 0.45, 0, _QUIET, 0.25, -0.40, 0.070),
    "w": Phoneme((290, 650, 2200), 0.40, 0, _QUIET, 0.12, -0.95, 0.070),
}

SILENCE = "sil"

PHONEMES: dict[str, Phoneme] = {
    **VOWELS,
    **CONSONANTS,
    SILENCE: Phoneme((500, 1500, 2500), 0.00, 0, _QUIET, 0.00, 0.00, 0.200),
}

CLOSED = frozenset({"m", "b", "p", SILENCE})
"""Sounds during which the lips touch."""


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
