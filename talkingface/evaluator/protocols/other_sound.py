"""Which clip's sound each clip is dubbed with in the cross-audio part: a seeded derangement."""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np

TRIES = 400


def cross_pairs(names: list[str], seed: int) -> dict[str, str]:
    """Return the sound's clip for each clip; never itself, each sound used once. Empty for fewer than two clips.

    Of many random derangements the first with the fewest pairs of like speech is taken: clips of one name under two
    speakers (`a/001`, `b/001`) are often the same sentence. Pairs of one speaker count as a lesser blemish.
    """
    if len(names) < 2:
        return {}
    rng = np.random.Generator(np.random.Philox(seed))
    ordered = sorted(names)
    best = {name: ordered[(i + 1) % len(ordered)] for i, name in enumerate(ordered)}
    cost = _cost(best)
    for _ in range(TRIES):
        if cost == 0:
            break
        # a random cycle through all clips has no fixed point
        cycle = [ordered[i] for i in rng.permutation(len(ordered))]
        trial = {name: cycle[(i + 1) % len(cycle)] for i, name in enumerate(cycle)}
        if (new := _cost(trial)) < cost:
            best, cost = trial, new
    return best


def _cost(pairs: dict[str, str]) -> int:
    """Pairs of like speech count 1000, pairs of one speaker 1."""
    total = 0
    for name, other in pairs.items():
        a, b = PurePosixPath(name), PurePosixPath(other)
        total += 1000 * (a.name == b.name) + (a.parent == b.parent and str(a.parent) != ".")
    return total
