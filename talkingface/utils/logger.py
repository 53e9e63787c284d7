"""Text logs: short lines on the terminal, dated lines in a file."""

from __future__ import annotations

import logging
import sys
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
