"""Recipe of the lip-sync expert. Apart from the network, so that reading a configuration imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from talkingface.config.schema import ModelConfig


@dataclass(frozen=True, kw_only=True)
class SyncNetConfig(ModelConfig):
    """BCE of the cosine between a face window and a mel window, in sync or off."""

    train_batch_size: int = 64
    mirror: bool = True
    """Mirror faces at random, as HyperLips's expert was trained."""
