"""One writer a folder."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from talkingface.utils.errors import UserError


@contextlib.contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Hold a folder (made where absent) for the block. The lock is the kernel's: a killed process leaves none behind.

    Raises:
        UserError: another process holds it.
    """
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{root}: another process writes to this folder; wait for it or stop it") from None
        yield
