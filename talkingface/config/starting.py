"""Keys of what a training starts from and what of it stays as it is; every model has them."""

from __future__ import annotations

from dataclasses import dataclass

from talkingface.config.kinds import PathText, Place


@dataclass(frozen=True, kw_only=True)
class StartConfig:
    """What a training starts from."""

    initial_weights: Place[PathText | None] = None
    """Weights that a new training starts from: a run, its name, or a .pth file, of this toolkit or of an original
    project; none starts from random ones."""
    initial_weights_sha256: str | None = None
    """SHA-256 of that file, found when training begins: other contents make another training, another place does not.
    Where it is given, the file must have it."""
    initial_strict: bool = True
    """Whether all weights of the file and of the network must fit; false names those that do not, and leaves them
    fresh."""
    freeze: tuple[str, ...] = ()
    """Parameters whose names begin with one of these prefixes are not trained; their batch normalisation keeps its
    statistics."""

    @property
    def sources(self) -> dict[str, tuple[str | None, str | None]]:
        """Weights given for the parts of a training and, where it is known, their hash; `model` is the network."""
        return {"model": (self.initial_weights, self.initial_weights_sha256)}

    @property
    def starts_afresh(self) -> bool:
        """Whether a new training begins with random weights, all of which are trained."""
        return not self.freeze and all(given is None for given, _ in self.sources.values())
