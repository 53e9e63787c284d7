"""Tasks in worker processes that may crash, hang or be killed without taking the rest with them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, Literal, TypeVar

from talkingface.utils.errors import UserError

Item = TypeVar("Item")
Result = tuple[Literal["ok"], Any] | tuple[Literal["failed"], str]
OnResult = Callable[[int, Result], None]

START_SECONDS = 120.0
"""A worker that has not imported its function by then counts as hung."""


def run_tasks(
    function: Callable[[Item], Any],
    items: Sequence[Item],
    *,
    workers: int,
    timeout: float | None = None,
    retries: int = 1,
    on_result: OnResult | None = None,
) -> list[Result]:
    """Call `function(item)` for every item, `workers` at a time, each in a process of its own kind of luck.

    A task whose worker is killed, crashes or takes longer than `timeout` costs only itself: the worker is replaced
    and the task tried again up to `retries` times, then reported as failed with the reason. A task that raises is
    retried likewise, except for a `UserError`, which would be the same again. Ctrl-C, or an exception in
    `on_result`, kills all workers before it goes on.

    Args:
        function: an importable function (or `functools.partial` of one); what it imports is imported in each worker.
        items: arguments; must be picklable, as must the results.
        workers: processes; 0 calls the function right here, without isolation or timeout (for tests, debugging).
        timeout: seconds for one try; None waits for ever.
        retries: further tries after the first.
        on_result: called here as `on_result(index, result)` once for each item, in order of completion.

    Returns:
        For each item in order ("ok", what the function returned) or ("failed", why).
    """
    results: list[Result | None] = [None] * len(items)

    def report(index: int, result: Result) -> None:
        results[index] = result
        if on_result is not None:
            on_result(index, result)

    if workers <= 0:
        for index, item in enumerate(items):
            report(index, _call_here(function, item, retries))
    else:
        _Pool(function, items, timeout, retries, report).run(min(workers, len(items)))
    return [result for result in results if result is not None]


def _call_here(function: Callable[[Item], Any], item: Item, retries: int) -> Result:
    answer: tuple[str, Any, bool] = ("failed", "", True)
    for _ in range(retries + 1):
        answer = _attempt(function, item)
        if answer[0] == "ok" or not answer[2]:
            break
    return ("ok", answer[1]) if answer[0] == "ok" else ("failed", answer[1])


def _attempt(function: Callable[[Any], Any], item: Any) -> tuple[str, Any, bool]:
    """("ok", value, False) or ("failed", reason, whether another try may help)."""
    try:
        return "ok", function(item), False
    except UserError as error:
        return "failed", str(error), False
    except Exception as error:
        return "failed", _describe(error), True


def _describe(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" ({os.path.basename(last[0].filename)}:{last[0].lineno})" if last else ""  # noqa: PTH119
    return f"{type(error).__name__}: {error}{where}"


class _Pool:
    """All slots of one `run_tasks` call, served by one loop in the calling thread."""

    def __init__(
        self,
        function: Callable[[Any], Any],
        items: Sequence[Any],
        timeout: float | None,
        retries: int,
        report: OnResult,
    ) -> None:
        self.function, self.items, self.timeout, self.retries, self.report = function, items, timeout, retries, report
        self.waiting: deque[tuple[int, int]] = deque((index, 0) for index in range(len(items)))
        self.slots: list[_Slot] = []

    def run(self, workers: int) -> None:
        try:
            self.slots = [_Slot(self.function) for _ in range(workers)]
            while self.waiting or any(slot.task for slot in self.slots):
                self._hand_out()
                self._collect()
            for slot in self.slots:
                slot.close()
        finally:
            for slot in self.slots:
                slot.kill()

    def _hand_out(self) -> None:
        for slot in self.slots:
            if slot.task is None and self.waiting:
                index, tries = self.waiting.popleft()
                slot.task = (index, tries)
                problem = slot.start(self.items[index], self.timeout)
                if problem is not None:
                    slot.task = None
                    self.report(index, ("failed", problem))

    def _collect(self) -> None:
        busy = {slot.connection: slot for slot in self.slots if slot.task is not None}
        if not busy:
            return
        pause = max(0.0, min(slot.deadline for slot in busy.values()) - time.monotonic())
        ready = wait(list(busy), None if pause == float("inf") else min(pause, 3600.0))
        for connection in ready:
            slot = busy[connection]  # type: ignore[index]
            answer = slot.receive(self.timeout)
            if answer is not None:
                self._finish(slot, *answer)
        now = time.monotonic()
        for slot in busy.values():
            if slot.task is not None and now >= slot.deadline and not slot.connection.poll():
                what = f"took longer than {self.timeout:g} s" if slot.ready else "its worker did not start"
                slot.kill()
                self._finish(slot, "failed", what, True)

    def _finish(self, slot: _Slot, kind: str, value: Any, again: bool) -> None:
        assert slot.task is not None
        (index, tries), slot.task = slot.task, None
        if kind == "ok":
            self.report(index, ("ok", value))
        elif again and tries < self.retries:
            self.waiting.append((index, tries + 1))
        else:
            self.report(index, ("failed", value))


class _Slot:
    """One worker process after another, and the task that the present one works on."""

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
        """The worker's answer; None where it only said that it is ready."""
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
        process.join()
        self.connection.close()
        code = process.exitcode
        if code is not None and code < 0:
            hint = "; the machine may be out of memory" if -code == signal.SIGKILL else ""
            return f"its worker was killed by signal {signal.Signals(-code).name}{hint}"
        return f"its worker ended with exit code {code}"


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
            answer = _attempt(function, item) if problem is None else ("failed", problem, False)
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
        sys.stderr.flush()
        os._exit(1)
