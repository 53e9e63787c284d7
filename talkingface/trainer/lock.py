"""One writer per folder: a lock file that a killed process does not leave behind as an obstacle."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from talkingface.utils.errors import UserError


@contextlib.contextmanager
def folder_lock(path: Path) -> Iterator[None]:
    """Hold the lock file `path` for the duration of the block.

    The file names its owner (host, process, the process's start). A lock whose owner has ended on this host is
    taken over; one of another host cannot be judged from here and is respected.

    Raises:
        UserError: another process holds it.
    """
    owner = json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "started": _started(os.getpid())})
    while not _create(path, owner):
        _clear_if_stale(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _create(path: Path, owner: str) -> bool:
    # Written aside and hard-linked: the lock never exists without its contents, and only one process can make it.
    aside = path.with_name(f"{path.name}.{socket.gethostname()}.{os.getpid()}")
    aside.write_text(owner, encoding="utf-8")
    try:
        os.link(aside, path)
    except FileExistsError:
        return False
    finally:
        aside.unlink(missing_ok=True)
    return True


def _clear_if_stale(path: Path) -> None:
    try:
        contents = path.read_text(encoding="utf-8")
        owner = json.loads(contents)
        host, pid, started = owner["host"], int(owner["pid"]), owner["started"]
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: unreadable lock; delete it if nothing runs in {path.parent}") from error
    if host != socket.gethostname():
        raise UserError(
            f"{path.parent}: in use by process {pid} on {host}; wait for it, or delete {path.name} if it has ended"
        )
    if _is_alive(pid, started):
        raise UserError(f"{path.parent}: in use by process {pid}; wait for it or stop it, or choose another folder")
    # Moved aside first: of two processes that find the same stale lock only one gets it.
    stale = path.with_name(f"{path.name}.stale.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        path.rename(stale)
        if stale.read_text(encoding="utf-8") != contents:  # a new owner came between: give it back
            with contextlib.suppress(FileExistsError):
                os.link(stale, path)
        stale.unlink()


def _is_alive(pid: int, started: str | None) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    now = _started(pid)
    return now is None or started is None or now == started


def _started(pid: int) -> str | None:
    """When a process began, in the kernel's ticks; "ended" for a zombie; None where there is no /proc."""
    try:
        # The name, in parentheses, may hold anything: split after it. Then state is field 0, start time field 19.
        after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return "ended" if after_name[0] in "ZX" else after_name[19]
