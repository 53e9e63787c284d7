"""One worker process after another, so that a task that kills its worker harms nobody else."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from talkingface.utils.errors import UserError
from talkingface.utils.main_guard import start_failure

START_SECONDS = 120.0
"""A worker that has not imported its function by then counts as hung."""


def attempt(function: Callable[[Any], Any], item: Any) -> tuple[str, Any, bool]:
    """("ok", value, False) or ("failed", reason, whether another try may help)."""
    try:
        return "ok", function(item), False
    except UserError as error:
        return "failed", str(error), False
    except Exception as error:
        return "failed", _describe(error), True


def _describe(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" ({Path(last[0].filename).name}:{last[0].lineno})" if last else ""
    return f"{type(error).__name__}: {error}{where}"


class Slot:
    """One worker process after another, and the task that the present one works on: (index, earlier tries)."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.task: tuple[int, int] | None = None
        self.deadline = float("inf")
        self.ready = False
        self.process: Any = None
        self.connection: Connection

    def start(self, item: Any, timeout: float | None) -> str | None:
        """Send a task to the worker, started where there is none; a reason if the task cannot be sent."""
        if self.process is None or not self.process.is_alive():
            self._spawn()
        try:
            self.connection.send(item)
        except (BrokenPipeError, ConnectionError):
            pass  # the worker died meanwhile; `receive` will see it
        except Exception as error:
            return f"the task cannot be sent to a worker: {_describe(error)}"
        self._set_deadline(timeout)
        return None

    def receive(self, timeout: float | None) -> tuple[str, Any, bool] | None:
        """The worker's answer; None where it only said that it is ready.

        Raises:
            UserError: the worker ended by itself before it was ready, as every other one would.
        """
        try:
            message = self.connection.recv()
        except (EOFError, OSError):
            return "failed", self._cause_of_death(), True
        except Exception as error:
            self.kill()
            return "failed", f"its result cannot be read: {_describe(error)}", False
        if message == "ready":
            self.ready = True
            self._set_deadline(timeout)
            return None
        return message

    def close(self) -> None:
        """Let an idle worker end by itself, so that what it holds is closed in order."""
        if self.process is not None:
            with contextlib.suppress(OSError):
                self.connection.close()
            self.process.join(5)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.connection.close()
            self.process = None

    def _spawn(self) -> None:
        if self.process is not None:
            self.kill()
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.ready = False
        self.process = context.Process(target=_serve, args=(other,), daemon=True)
        self.process.start()
        other.close()
        with contextlib.suppress(BrokenPipeError, ConnectionError):
            self.connection.send(self.function)

    def _set_deadline(self, timeout: float | None) -> None:
        seconds = (timeout if timeout is not None else float("inf")) if self.ready else START_SECONDS
        self.deadline = time.monotonic() + seconds

    def _cause_of_death(self) -> str:
        process, self.process = self.process, None
        process.join(1)
        process.kill()  # for one that closed its end without ending
        process.join()
        self.connection.close()
        code = process.exitcode
        if code is not None and code < 0:
            return f"its worker was killed by {_signal_name(-code)}"
        if not self.ready:
            raise start_failure(code)
        return f"its worker ended with exit code {code}"


def _signal_name(number: int) -> str:
    """A signal's name, on systems that have it."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = str(number)
    return f"signal {name}" + ("; the machine may be out of memory" if name == "SIGKILL" else "")


def _serve(connection: Connection) -> None:
    """A worker: receive the function, then tasks, until the other end closes."""
    for name in ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):  # the parallelism is between workers
        os.environ.setdefault(name, "1")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which kills its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        function = connection.recv()
        problem = None
    except EOFError:
        return
    except Exception as error:
        problem = f"the function cannot be imported in a worker: {_describe(error)}"
    connection.send("ready")
    while True:
        try:
            item = connection.recv()
            answer = attempt(function, item) if problem is None else ("failed", problem, False)
        except EOFError:
            return
        except Exception as error:
            answer = ("failed", f"the task cannot be read in a worker: {_describe(error)}", False)
        try:
            connection.send(answer)
        except (BrokenPipeError, ConnectionError):
            return
        except Exception as error:
            connection.send(("failed", f"its result cannot be sent: {_describe(error)}", False))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
