"""Functions for worker processes; a module of its own so that workers import little."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from talkingface.utils.errors import MediaError


def work(item: object) -> object:
    """Double a number, or misbehave as told."""
    if item == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if item == "hang":
        time.sleep(3600)
    if item == "exit":
        os._exit(3)
    if item == "raise":
        raise KeyError("corrupt")
    if item == "user":
        raise MediaError("clip.mp4: damaged")
    if item == "unsendable":
        return lambda: None
    if item == "torch":
        return "torch" in sys.modules
    return item * 2


def count_tries(path: str) -> int:
    """Note the call in a file; die on the first one, answer on the second."""
    with Path(path).open("a") as file:
        file.write("x")
    tries = len(Path(path).read_text())
    if tries == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return tries


def count_user_errors(path: str) -> None:
    """Note the call in a file, then fail as a user's mistake does."""
    with Path(path).open("a") as file:
        file.write("x")
    raise MediaError("always")
