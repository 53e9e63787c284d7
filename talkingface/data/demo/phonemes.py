"""The sounds of the rendered speech: how each one sounds and how the mouth looks while it is made."""

from __future__ import annotations

from typing import NamedTuple


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
