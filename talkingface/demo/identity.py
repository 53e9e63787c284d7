"""Who the people are: the few numbers that turn two photographs into many different speakers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from talkingface.demo.voice import Voice


class Dye(NamedTuple):
    """A colour change in L*a*b* (OpenCV's 0..255 scale)."""

    scale: float = 1.0
    """Factor on the lightness."""
    lift: float = 0.0
    """Added to the lightness."""
    keep: float = 1.0
    """Share of the old colour that stays."""
    a: float = 0.0
    """Added red (positive) or green."""
    b: float = 0.0
    """Added yellow (positive) or blue."""


_SKINS = (
    Dye(),
    Dye(scale=0.80, a=3, b=6),
    Dye(scale=1.05, keep=0.85),
    Dye(scale=0.60, a=5, b=9),
    Dye(scale=0.90, a=1, b=9),
    Dye(scale=0.52, a=5, b=8),
    Dye(scale=1.0, a=5, b=-2),
    Dye(scale=0.70, a=4, b=10),
)
"""From fair to dark."""
_HAIRS = (
    Dye(),
    Dye(scale=0.35, keep=0.35),
    Dye(scale=0.72, keep=0.9, a=16, b=10),
    Dye(scale=1.25, lift=10, keep=0.15),
    Dye(scale=0.55, keep=0.7, a=6, b=6),
    Dye(scale=0.28, keep=0.1, b=-3),
    Dye(scale=1.1, lift=12, b=10),
    Dye(scale=0.85, keep=0.2, a=2, b=3),
)
"""Hair, or the cap over it."""
_CLOTHES = (
    Dye(),
    Dye(lift=35, keep=0.3, a=-14, b=8),
    Dye(lift=30, keep=0.3, a=28, b=14),
    Dye(lift=55, keep=0.2, b=-22),
    Dye(lift=20, keep=0.2, a=18, b=-22),
    Dye(scale=0.6, keep=0.1),
    Dye(lift=70, keep=0.2, a=4, b=18),
)


@dataclass(frozen=True)
class Identity:
    """One person."""

    base: int = 0
    """Which photograph."""
    mirror: bool = False
    """Left and right exchanged."""
    geometry: float = 0.0
    """Share of the other photograph's face shape."""
    texture: float = 0.0
    """Share of the other photograph's skin in the lower face."""
    jaw: float = 1.0
    """Width of the lower face."""
    length: float = 1.0
    """Height of the lower face."""
    eyes: float = 1.0
    """Size of the eyes."""
    nose: float = 1.0
    """Width of the nose."""
    lips: float = 1.0
    """Fullness of the lips."""
    zoom: float = 1.0
    """How near the camera is."""
    skin: Dye = field(default_factory=Dye)
    hair: Dye = field(default_factory=Dye)
    clothes: Dye = field(default_factory=Dye)
    volume: float = 1.0
    """How far hair or cap stand out from the face."""
    rouge: float = 0.0
    """Redness added to the lips."""
    age: float = 0.0
    """Wrinkles: above 0 deeper, below 0 smoother."""
    beard: float = 0.0
    """Darkness of a short beard."""
    backdrop: int = 0
    """Kind of background."""
    voice: Voice = field(default_factory=Voice)
    seed: int = 0
    """Seed of the background's colours and the skin's noise."""


def _skin(base: int, turn: int) -> Dye:
    """A skin colour; the second photograph's is redder than life and is calmed first."""
    dye = _SKINS[(turn + 2 * base * (turn > 0)) % len(_SKINS)]
    return dye._replace(keep=0.62 * dye.keep, scale=1.08 * dye.scale) if base else dye


def draw_identity(index: int, seed: int) -> Identity:
    """Person number `index`. Neighbours differ in photograph and colours; shapes and voice are random."""
    rng = np.random.default_rng([seed, index, 1])
    base, turn = index % 2, index // 2
    beard = float(rng.uniform(0.5, 0.9)) if base == 0 and turn % 3 == 1 else 0.0
    high_voice = turn % 2 == 0 and not beard
    return Identity(
        base=base,
        mirror=bool((turn + base) % 2),
        geometry=float(rng.uniform(0.0, 0.5)) if turn else 0.0,
        texture=float(rng.uniform(0.0, 0.6)) if turn else 0.0,
        jaw=float(rng.uniform(0.92, 1.10)),
        length=float(rng.uniform(0.94, 1.07)),
        eyes=float(rng.uniform(0.92, 1.10)),
        nose=float(rng.uniform(0.90, 1.16)),
        lips=float(rng.uniform(0.90, 1.25)),
        zoom=float(rng.uniform(0.96, 1.10)),
        skin=_skin(base, turn),
        volume=float(rng.uniform(0.80, 1.22)) if turn else 1.0,
        hair=_HAIRS[(turn + 3 * base * (turn > 0)) % len(_HAIRS)],
        clothes=_CLOTHES[(turn + 2 * base) % len(_CLOTHES)],
        rouge=float(rng.uniform(0.4, 1.1)) * (0.4 if beard else 1.0),
        age=float(rng.uniform(-0.5, 0.6)) - 0.45 * base,
        beard=beard,
        backdrop=index % 3,
        voice=Voice(
            pitch=float(rng.uniform(165, 225) if high_voice else rng.uniform(92, 140)),
            tract=float(rng.uniform(1.04, 1.16) if high_voice else rng.uniform(0.92, 1.03)),
            breath=float(rng.uniform(0.01, 0.05)),
        ),
        seed=int(rng.integers(2**31)),
    )
