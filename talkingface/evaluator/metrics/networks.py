"""The networks that metrics look through: the sync expert, and published ones whose weights the user fetches.

Each published network is read once, when a metric first asks for it.
"""

# B batch, T frames, M mel bins (80), S mel steps, E embedding values

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from threading import RLock
from typing import Any, Literal, Protocol, TypeVar

import torch
from torch import Tensor

from talkingface.config.schema import Config
from talkingface.model.base import model_mark
from talkingface.utils.errors import MissingWeightsError
from talkingface.utils.files import digest, file_mark
from talkingface.utils.weights import WeightsFile, find_weights, missing_weights

Network = TypeVar("Network")
LseProtocol = Literal["in_the_wild", "tight"]


class SyncExpert(Protocol):
    """What is needed of a sync expert: two towers whose embeddings have length 1."""

    @property
    def num_frames(self) -> int:
        """Frames in a window (T)."""

    def embed_audio(self, mel: Tensor, /) -> Tensor:
        """Mel (B, 1, M, S) to (B, E)."""

    def embed_face(self, face: Tensor, /) -> Tensor:
        """`window`'s result to (B, E)."""

    def window(self, frames: Tensor) -> Tensor:
        """Whole faces (B, 3, T, H, W) in [0, 1], BGR, to what the face tower reads."""


@dataclass(kw_only=True)
class MetricNetworks:
    """The networks of one evaluation, where their weights lie and on which device they run."""

    expert: SyncExpert | None = None
    """On `device`; None where there is none."""
    checkpoints_dir: str = "checkpoints"
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    given: Mapping[str, str | None] = field(default_factory=lambda: {"lse_weights": None})
    """Configuration key to the path that the user named; the keys that there are."""
    lse_protocol: LseProtocol = "in_the_wild"
    """How the published sync network's crops are cut, see lse_input.py."""
    lock: Any = field(default_factory=RLock, repr=False)
    """Clips may be scored in several threads: held while a network is read, and while one with a state is used."""
    _loaded: dict[Any, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_config(cls, config: Config, device: torch.device, expert: SyncExpert | None = None) -> MetricNetworks:
        """Look for weights where the configuration says."""
        run = config.run
        keys = [one.name for one in fields(config.model) if one.name.endswith("_weights")]
        given = {key: getattr(config.model, key) for key in keys} | {"lse_weights": run.lse_weights}
        return cls(
            expert=expert, checkpoints_dir=run.checkpoints_dir, device=device, given=given,
            lse_protocol=run.lse_protocol,
        )  # fmt: skip

    def missing(self, needs: tuple[WeightsFile, ...]) -> str | None:
        """Say which of the files is absent and where to put it; None where all are there."""
        absent = [one for one in needs if self._find(one) is None]
        # a key that this configuration does not have cannot name the place
        named = [one if one.key in self.given else replace(one, key=None) for one in absent]
        reasons = [f"needs {missing_weights(one, self._given(one), self.checkpoints_dir)}" for one in named]
        return "; ".join(reasons) or None

    def network(self, load: Callable[..., Network], *needs: WeightsFile) -> Network:
        """Return what `load` makes of the files' paths; the same object for each later call.

        Raises:
            MissingWeightsError: A file is absent or holds something else.
        """
        with self.lock:
            if load not in self._loaded:
                reason = self.missing(needs)
                if reason is not None:
                    raise MissingWeightsError(reason)
                made = load(*(self._find(one) for one in needs))
                self._loaded[load] = made.to(self.device).eval() if isinstance(made, torch.nn.Module) else made
            found: Network = self._loaded[load]
            return found

    def mark(self, needs: tuple[WeightsFile, ...]) -> str:
        """Return a text that changes with the expert's weights, the files `needs` and how LSE is taken."""
        expert = model_mark(self.expert) if self.expert is not None else "none"
        found = [(one.name, self._find(one)) for one in needs]
        files = [f"{name} {file_mark(path)}" for name, path in found if path is not None]
        return digest(expert, self.lse_protocol, *files)

    def _given(self, file: WeightsFile) -> str | None:
        return self.given.get(file.key) if file.key is not None else None

    def _find(self, file: WeightsFile) -> Path | None:
        return find_weights(file, self._given(file), self.checkpoints_dir)
