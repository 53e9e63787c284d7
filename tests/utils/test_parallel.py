"""Tasks in workers: what misbehaves costs only itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from worker_tasks import count_tries, count_user_errors, work

from talkingface.utils import worker
from talkingface.utils.parallel import cores, run_tasks


def test_each_misbehaviour_fails_once_and_the_others_finish():
    items = [1, "kill", 2, "hang", "raise", "user", "exit", "unsendable", *range(8)]
    seen = []
    results = run_tasks(work, items, workers=2, timeout=1.0, retries=0, on_result=lambda i, r: seen.append((i, r)))
    assert results[0] == ("ok", 2)
    assert results[1][0] == "failed" and "SIGKILL" in results[1][1]
    assert results[3] == ("failed", "took longer than 1 s")
    assert results[4][0] == "failed" and "KeyError: 'corrupt' (worker_tasks.py:" in results[4][1]
    assert results[5] == ("failed", "clip.mp4: damaged")
    assert results[6] == ("failed", "its worker ended with exit code 3")
    assert results[7][0] == "failed" and "result cannot be sent" in results[7][1]
    assert results[8:] == [("ok", 2 * k) for k in range(8)]
    assert sorted(index for index, _ in seen) == list(range(len(items)))
    assert all(results[index] == result for index, result in seen)


def test_a_killed_task_is_tried_again_in_a_new_worker(tmp_path):
    assert run_tasks(count_tries, [str(tmp_path / "a")], workers=1, retries=1) == [("ok", 2)]


def test_a_users_mistake_is_not_tried_again(tmp_path):
    path = tmp_path / "a"
    assert run_tasks(count_user_errors, [str(path)], workers=1, retries=3) == [("failed", "always")]
    assert path.read_text() == "x"


def test_workers_do_not_import_torch():
    assert run_tasks(work, ["torch"], workers=1) == [("ok", False)]


def test_in_process():
    assert run_tasks(work, [3, "user"], workers=0) == [("ok", 6), ("failed", "clip.mp4: damaged")]


def test_nothing_to_do():
    assert run_tasks(work, [], workers=2) == []


def test_an_exception_of_the_callback_goes_on():
    def on_result(index, result):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        run_tasks(work, [1, "hang"], workers=2, on_result=on_result)


SCRIPT = """
import signal
import sys
sys.path.insert(0, {tests!r})
from worker_tasks import work
from talkingface.utils import worker
from talkingface.utils.parallel import cores, run_tasks

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # who was started in the background ignores Ctrl-C
    run_tasks(work, [1, "hang", "hang"], workers=2, on_result=lambda index, result: print("started", flush=True))
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_the_end_of_the_parent_is_the_end_of_its_workers(tmp_path, how):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent)))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    parent = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )
    assert parent.stdout is not None and parent.stdout.readline() == b"started\n"
    children = _children(parent.pid)
    assert children
    parent.send_signal(how)
    assert parent.wait(10) != 0
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while any(_runs(pid) for pid in children):
        assert time.monotonic() < deadline, "workers outlived their parent"
        time.sleep(0.02)


def _children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_killed_worker_is_told_where_signals_have_no_such_name(monkeypatch):
    def refuse(number):
        raise ValueError(f"{number} is not a valid Signals")

    monkeypatch.setattr(worker, "signal", SimpleNamespace(Signals=refuse))  # as on Windows
    ((kind, reason),) = run_tasks(work, ["kill"], workers=1, retries=0)
    assert kind == "failed" and "killed by signal 9" in reason


def test_one_worker_for_each_core_where_nobody_knows_which_may_be_used(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")  # as on Windows and macOS
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert cores(0) == 3 and cores(5) == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores(0) == 1
