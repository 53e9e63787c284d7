"""One writer a folder, by a lock of the operating system: a killed process leaves none behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from talkingface.utils.errors import UserError

LOCK_FILE = ".lock"


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Be the only one that writes to a folder (made where absent) for the duration of the block.

    Raises:
        UserError: another process holds it, or another block of this one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UserError(
            f"{folder}: in use, another process writes to this folder; wait for it or stop it, or choose another folder"
        ) from None
    try:
        yield
    finally:
        lock.release()
