"""The networks that judge: their weights are the user's to fetch; each is read once, when a metric first asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from threading import RLock
from typing import Any, Literal, TypeVar

import torch

from talkingface.config.schema import Config
from talkingface.utils.errors import MissingWeightsError
from talkingface.utils.weights import WeightsFile, find_weights, missing_weights

Network = TypeVar("Network")
LseProtocol = Literal["in_the_wild", "tight"]


@dataclass(kw_only=True)
class Judges:
    """Where weights lie, on which device networks run, and those already read."""

    checkpoints_dir: str = "checkpoints"
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    given: Mapping[str, str | None] = field(default_factory=lambda: {"lse_weights": None})
    """Configuration key to the path that the user named; the keys that there are."""
    lse_protocol: LseProtocol = "in_the_wild"
    """How the published sync network's crops are cut, see lse/crop.py."""
    lock: Any = field(default_factory=RLock, repr=False)
    """Clips may be measured in several threads: held while a network is read, and used if it has a state."""
    _read: dict[Any, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, config: Config, device: torch.device) -> Judges:
        """Those of a configuration."""
        run = config.run
        keys = [one.name for one in fields(config.model) if one.name.endswith("_weights")]
        given = {key: getattr(config.model, key) for key in keys} | {"lse_weights": run.lse_weights}
        return cls(checkpoints_dir=run.checkpoints_dir, device=device, given=given, lse_protocol=run.lse_protocol)

    def missing(self, needs: tuple[WeightsFile, ...]) -> str | None:
        """Say which of the files is absent and where to put it; None where all are there."""
        absent = [one for one in needs if self._find(one) is None]
        if not absent:
            return None
        # a key that this configuration has not cannot name the place
        named = [one if one.key in self.given else replace(one, key=None) for one in absent]
        return "; ".join(f"needs {missing_weights(one, self._given(one), self.checkpoints_dir)}" for one in named)

    def mark(self) -> str:
        """Changes where other numbers may come of the same videos."""
        return f"{self.lse_protocol} {sorted(str(path) for path in self.given.values() if path)}"

    def network(self, load: Callable[..., Network], *needs: WeightsFile) -> Network:
        """Return what `load` makes of the files' paths; the same object for each later call.

        Raises:
            MissingWeightsError: A file is absent or holds something else.
        """
        with self.lock:
            return self._network(load, needs)

    def _network(self, load: Callable[..., Network], needs: tuple[WeightsFile, ...]) -> Network:
        if load not in self._read:
            reason = self.missing(needs)
            if reason is not None:
                raise MissingWeightsError(reason)
            made = load(*(self._find(one) for one in needs))
            self._read[load] = made.to(self.device).eval() if isinstance(made, torch.nn.Module) else made
        return self._read[load]

    def _given(self, file: WeightsFile) -> str | None:
        return self.given.get(file.key) if file.key is not None else None

    def _find(self, file: WeightsFile) -> Path | None:
        return find_weights(file, self._given(file), self.checkpoints_dir)
