"""Ctrl-C and the signals by which a machine ends a program let the step in hand end and be saved.

With one process a second signal acts at once, as it would have without. With several, started by torchrun, further
ones mean nothing: torchrun passes on what the terminal has sent already, and kills what has not ended in 30 seconds.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

from talkingface.trainer import distributed

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGBREAK")
"""Ctrl-C; the end asked for by a machine or a batch system; the terminal has gone; a batch system's time is nearly up;
Ctrl-Break of Windows. A system has some of them."""
WORKER_SECONDS = 30.0
"""Time that a loader process goes on working after SIGTERM."""


def stop_signals() -> list[signal.Signals]:
    """Those of the signals that this system has."""
    return [getattr(signal, name) for name in NAMES if hasattr(signal, name)]


class StopSignal:
    """Context that notes a signal; outside the main thread it does nothing. Ignored ones (nohup) stay ignored."""

    def __init__(self) -> None:
        self.received = 0
        """The first signal's number, 0 before."""
        self._before: dict[int, object] = {}

    def __enter__(self) -> StopSignal:
        if threading.current_thread() is threading.main_thread():
            for number in stop_signals():
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def agreed(self) -> int:
        """The number of a signal that any process has received, 0 where none has; all are asked at the same step."""
        return distributed.largest(self.received)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = self.received or number
        if distributed.world() == 1:
            self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before.clear()


def end_as(number: int) -> None:
    """End as a signal would have.

    Raises:
        KeyboardInterrupt: for SIGINT.
        SystemExit: with 128 and the signal's number, as shells count.
    """
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


# Batch systems, `timeout` and Ctrl-C signal all processes of a group, loaders too, and the step in hand wants data.


@contextmanager
def out_of_reach() -> Iterator[None]:
    """Processes started inside the block do not see stop signals, until they ask for them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_to_parent() -> None:
    """In a loader process: the training decides what a signal means; after SIGTERM this one ends some time later."""
    for number in stop_signals():
        signal.signal(number, _end_later if number == signal.SIGTERM else signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stop_signals())


def _end_later(number: int, frame: FrameType | None) -> None:
    timer = threading.Timer(WORKER_SECONDS, os._exit, (128 + number,))
    timer.daemon = True
    timer.start()
