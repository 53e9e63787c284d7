"""Keeping the chatter of C++ libraries off the terminal without hiding anything else."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

_CHATTER = re.compile(
    rb"^(?:[IW]\d{4} [\d:. ]|(?:INFO|WARNING): (?:Created TensorFlow Lite|All log messages before absl))"
)


@contextlib.contextmanager
def without_native_chatter() -> Iterator[None]:
    """Hold back what is written to file descriptor 2 meanwhile; on exit pass on all but C++ info and warning lines."""
    sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # stderr is closed: nothing to keep quiet
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            with contextlib.suppress(ValueError, OSError):
                sys.stderr.flush()
            os.dup2(saved, 2)
            held.seek(0)
            for line in held:
                if not _CHATTER.match(line):
                    with contextlib.suppress(OSError):
                        os.write(saved, line)
            os.close(saved)
