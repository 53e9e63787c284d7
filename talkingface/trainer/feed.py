"""From the loader's batches to network input on the device, copied while the device computes the step before."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from talkingface.batch import Batch, to_network


class Feed:
    """Turns stored batches into network input, on CUDA in a stream of its own.

    The host runs ahead of the device, so a batch that is asked for after a step has been launched is copied, scaled and
    masked while that step is computed.

    Args:
        device: where the networks are; a CUDA device wants batches in pinned memory.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def __call__(self, stored: Mapping[str, Tensor]) -> Batch:
        """The batch as `to_network` makes it; what is launched next waits for it on the device."""
        if self.stream is None:
            return to_network(stored, self.device)
        with torch.cuda.stream(self.stream):
            batch = to_network(stored, self.device)
        current = torch.cuda.current_stream(self.device)
        current.wait_stream(self.stream)
        for value in batch.values():
            value.record_stream(current)  # its memory belongs to the other stream until this one is done with it
        return batch
