"""How many processes to prepare with."""

from __future__ import annotations

import os


def cores(workers: int) -> int:
    """`workers`, or for 0 one for each core that this process may use."""
    if workers:
        return workers
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
