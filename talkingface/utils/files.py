"""Files that are either whole or not there, and folders that one process at a time writes to.

A file is written beside its place, synced, then renamed. The lock is the operating system's: a killed process leaves
none behind.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from talkingface.utils.errors import DiskError, UserError

TEMP_PREFIX = ".tmp-"
"""Names of unfinished files begin with this; what a killed process left behind may be deleted."""
TEMP_NAME = re.compile(re.escape(TEMP_PREFIX) + r"[0-9a-f]{16}(\.[^.]{1,15})?")
"""The whole of such a name."""
DISK_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
"""A full disk, a file larger than is allowed, a full quota."""
PAUSES = (0.05, 0.1, 0.25, 0.6)
"""Seconds to wait before each further try to put a file in its place."""
SAMPLE = 64 << 10
"""Bytes that `file_mark` reads at a file's start, middle and end."""


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; on clean exit it is synced and renamed to `path`.

    The temporary name keeps the suffix (writers that choose a format by suffix work) but not the stem, so that
    names of any length and with any characters do. Missing parent folders are made. When the block raises, the
    temporary file is removed and an older file at `path` stays.

    Raises:
        UserError: `path` is a folder, or its folder cannot be made.
    """
    target = Path(path)
    if target.is_dir():
        raise UserError(f"{os.fspath(path)!r} is a folder; wanted the name of a file to write")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{str(target.parent)!r}: the folder cannot be made: {error.strerror}") from error
    suffix = target.suffix if len(target.suffix) <= 16 else ""
    temporary = target.parent / f"{TEMP_PREFIX}{secrets.token_hex(8)}{suffix}"
    try:
        yield temporary
        with temporary.open("r+b") as file:  # Windows syncs only what is open for writing
            os.fsync(file.fileno())
        put_in_place(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    with contextlib.suppress(OSError):  # Windows opens no folder, and some file systems cannot sync one
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def as_disk_error(error: BaseException, path: str | os.PathLike[str] | None) -> DiskError | None:
    """What is said where an error, or one that led to it, is a full disk; None where none is.

    Args:
        error: torch's writer, for one, fails at its file's end again after a write that failed.
        path: what was being written.
    """
    cause: BaseException | None = error
    while cause is not None and not (isinstance(cause, OSError) and cause.errno in DISK_FULL):
        cause = cause.__context__
    if not isinstance(cause, OSError):
        return None
    where, folder = ("", Path.cwd()) if path is None else (f"{os.fspath(path)}: ", Path(path).absolute().parent)
    free = ""
    with contextlib.suppress(OSError):
        free = f", {shutil.disk_usage(folder).free / 1e6:,.0f} MB are free"
    return DiskError(
        f"{where}not written ({cause.strerror}{free}); what stood there before is whole. Free some space, and give the "
        "same command again"
    )


@contextmanager
def disk_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say in one line that a disk is full.

    Raises:
        DiskError: the block could not write `path`.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        full = as_disk_error(error, path)
        if full is None:
            raise
        raise full from error


def remove_leftovers(*folders: Path) -> tuple[int, int]:
    """Remove what killed writers of `atomic_path` left in some folders; how many files, and how many bytes.

    To be called where nobody else writes there. Files of other names, and folders inside, are left alone.
    """
    count = size = 0
    for path in (path for folder in folders for path in folder.glob(f"{TEMP_PREFIX}*")):
        if TEMP_NAME.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            size += path.stat().st_size
            path.unlink()
            count += 1
    return count, size


def put_in_place(finished: Path, target: Path) -> None:
    """Rename a file or folder; where a program has it open just now, which Windows minds, try again for a second."""
    for pause in PAUSES:
        try:
            finished.replace(target)
        except PermissionError:
            time.sleep(pause)
        else:
            return
    finished.replace(target)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | os.PathLike[str], obj: Any) -> None:
    """Write `obj` as indented JSON, atomically.

    Raises:
        ValueError: a number is NaN or infinite, which JSON cannot hold.
        TypeError: something in `obj` is not plain data.
    """
    write_text(path, json.dumps(obj, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a JSON file.

    Raises:
        UserError: the file is not there or is not JSON; the message names the file and the line.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{os.fspath(path)!r}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{os.fspath(path)!r}: not a JSON file: {error}") from error


def digest(*parts: str) -> str:
    """Return a short hash of the parts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def file_mark(path: str | os.PathLike[str], sample: int = SAMPLE) -> str:
    """Return a mark of a file's contents that a copy of it shares, whatever its place, name and time: `size-checksum`.

    Only `sample` bytes of its start, middle and end are read, or all of a shorter file: enough to tell a video, a sound
    or a checkpoint from a changed one (their indices and lengths stand there), not from one changed on purpose to look
    alike. A file that is missing or cannot be read is `absent`.
    """
    try:
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            checksum = hashlib.sha256()
            for start in (0, (size - sample) // 2, size - sample) if size > 3 * sample else (0,):
                file.seek(start)
                checksum.update(file.read(sample if size > 3 * sample else size))
    except OSError:
        return "absent"
    return f"{size}-{checksum.hexdigest()[:16]}"


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
