"""How much of what HyperLipsHR's decoder changes in a base face brings it nearest to the real one: a share, 0 to 1."""

# B batch, S side of the faces that are drawn

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def detail_sums(base: Tensor, decoded: Tensor, real: Tensor) -> dict[str, Tensor]:
    """The two means over a batch whose ratio is the best share, see `best_detail`: `along` and `length`, () scalars."""
    added, missing = (decoded - base).flatten(1), (real - base).flatten(1)
    weight = 1 / missing.square().mean(1).clamp_min(1e-6)
    along, length = (added * missing).mean(1), added.square().mean(1)
    return {"along": (weight * along).mean(), "length": (weight * length).mean()}


def best_share(sums: Mapping[str, float]) -> float:
    """The share of `detail_sums`, over however many samples; 0, the base face, where there are none to learn from."""
    if not sums:
        return 0.0
    return min(max(sums["along"] / max(sums["length"], 1e-9), 0.0), 1.0)


def best_detail(base: Tensor, decoded: Tensor, real: Tensor) -> Tensor:
    """The share of `decoded - base` which, added to `base`, gives the best mean PSNR against `real`: 0 to 1.

    Args:
        base: (B, 3, S, S) base faces, enlarged.
        decoded: (B, 3, S, S) the decoder's.
        real: (B, 3, S, S).

    Returns:
        () scalar: least squares, each face weighted by its own error, as the mean of logarithms asks for.
    """
    sums = detail_sums(base, decoded, real)
    return (sums["along"] / sums["length"].clamp_min(1e-9)).clamp(0, 1)
