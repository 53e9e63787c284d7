"""Tasks in worker processes that may crash, hang or be killed without taking the rest with them."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from typing import Any, Literal, TypeVar

from talkingface.utils.main_guard import check_main_guard
from talkingface.utils.worker import Slot, attempt

Item = TypeVar("Item")
Result = tuple[Literal["ok"], Any] | tuple[Literal["failed"], str]
OnResult = Callable[[int, Result], None]


def run_tasks(
    function: Callable[[Item], Any],
    items: Sequence[Item],
    *,
    workers: int,
    timeout: float | None = None,
    retries: int = 1,
    on_result: OnResult | None = None,
) -> list[Result]:
    """Call `function(item)` for every item, `workers` at a time, each in a worker process.

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

    Raises:
        UserError: no worker can start, as when a script calls this at its top level.
    """
    if workers > 0:
        check_main_guard()
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
        answer = attempt(function, item)
        if answer[0] == "ok" or not answer[2]:
            break
    return ("ok", answer[1]) if answer[0] == "ok" else ("failed", answer[1])


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
        self.slots: list[Slot] = []

    def run(self, workers: int) -> None:
        try:
            self.slots = [Slot(self.function) for _ in range(workers)]
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

    def _finish(self, slot: Slot, kind: str, value: Any, again: bool) -> None:
        assert slot.task is not None
        (index, tries), slot.task = slot.task, None
        if kind == "ok":
            self.report(index, ("ok", value))
        elif again and tries < self.retries:
            self.waiting.append((index, tries + 1))
        else:
            self.report(index, ("failed", value))


def cores(workers: int) -> int:
    """`workers`, or for 0 one for each core that this process may use."""
    if workers:
        return workers
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
