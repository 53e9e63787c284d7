"""Text logs: short lines on the terminal, dated lines in a file; C++ libraries' chatter kept off the terminal."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

NAME = "talkingface"
"""Every module logs below this name: `logging.getLogger(__name__)`."""


class _TerminalHandler(logging.StreamHandler):
    """Writes around a progress bar instead of through it, to whatever stderr is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            from tqdm import tqdm

            tqdm.write(self.format(record), file=sys.stderr)
        except Exception:  # what logging does with a broken stream: report, never raise
            self.handleError(record)


def init_logger(log_file: str | Path | None = None, *, verbose: bool = False) -> logging.Logger:
    """Set up the package's logger; calling it again replaces what an earlier call set up.

    Args:
        log_file: also append there, with dates; its folder is made.
        verbose: show debug lines.

    Returns:
        The logger `talkingface`.
    """
    logger = logging.getLogger(NAME)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    logger.propagate = False
    terminal = _TerminalHandler()
    terminal.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(terminal)
    if log_file is not None:
        Path(log_file).parent.mkdir(parents=True, exist_ok=True)
        file = logging.FileHandler(log_file, encoding="utf-8")
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(file)
    return logger


def show_lines() -> None:
    """Show the package's lines on the terminal, around bars if there are any, unless somebody has set it up himself."""
    if not logging.getLogger(NAME).handlers:
        init_logger()


_CHATTER = re.compile(
    rb"^(?:[IW]\d{4} [\d:. ]|(?:INFO|WARNING): (?:Created TensorFlow Lite|All log messages before absl))"
)


class _HeldBack:
    """What is written to file descriptor 2 while blocks of `without_native_chatter` are open, in any thread."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.blocks = 0
        self.stderr: int | None = None
        """The descriptor that 2 was; None where it is closed, and nothing is held back."""

    def enter(self) -> None:
        with self.lock:
            self.blocks += 1
            if self.blocks > 1:
                return
            _flush_stderr()
            try:
                self.stderr = os.dup(2)
            except OSError:
                return
            self.file = tempfile.TemporaryFile()  # noqa: SIM115  closed by the last block to end
            os.dup2(self.file.fileno(), 2)

    def leave(self) -> None:
        with self.lock:
            self.blocks -= 1
            if self.blocks or self.stderr is None:
                return
            _flush_stderr()
            os.dup2(self.stderr, 2)
            with self.file:
                self.file.seek(0)
                for line in self.file:
                    if not _CHATTER.match(line):
                        with contextlib.suppress(OSError):
                            os.write(self.stderr, line)
            os.close(self.stderr)
            self.stderr = None


_HELD_BACK = _HeldBack()
"""One for the process, as descriptor 2 is."""


def _flush_stderr() -> None:
    with contextlib.suppress(AttributeError, ValueError, OSError):  # there may be none, or a closed one
        sys.stderr.flush()


@contextlib.contextmanager
def without_native_chatter() -> Iterator[None]:
    """Hold back what is written to file descriptor 2 meanwhile; then pass on all but C++ info and warning lines.

    Blocks may overlap, in one thread or in several: what is held back is passed on when the last one ends.
    """
    _HELD_BACK.enter()
    try:
        yield
    finally:
        _HELD_BACK.leave()


def clock(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 5 s`, `2 h 4 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
