"""Silencing C++ libraries hides nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from talkingface.utils.logger import without_native_chatter


def test_only_chatter_is_dropped(capfd):
    with pytest.raises(KeyError), without_native_chatter():
        os.write(2, b"I0000 00:00:1.5  1 gl_context.cc:1] hello\nINFO: Created TensorFlow Lite XNNPACK delegate\n")
        os.write(2, b"E0000 00:00:1.5  1 graph.cc:1] broken\n")
        print("python's own", file=sys.stderr)
        raise KeyError
    assert sorted(capfd.readouterr().err.splitlines()) == ["E0000 00:00:1.5  1 graph.cc:1] broken", "python's own"]
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_blocks_that_overlap_in_two_threads_give_stderr_back(capfd):
    begun, ended = threading.Event(), threading.Event()

    def other() -> None:
        with without_native_chatter():
            os.write(2, b"I0000 00:00:1.5  1 gl_context.cc:1] chatter\nsaid by the other\n")
            begun.set()
            ended.wait(10)

    thread = threading.Thread(target=other)
    with without_native_chatter():
        thread.start()
        assert begun.wait(10)
        os.write(2, b"said by the first\n")
    assert capfd.readouterr().err == "", "the other block still holds back"
    ended.set()
    thread.join()
    assert capfd.readouterr().err.splitlines() == ["said by the other", "said by the first"]
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_a_block_within_a_block(capfd):
    with without_native_chatter():
        with without_native_chatter():
            os.write(2, b"inner\n")
        os.write(2, b"outer\n")
        assert capfd.readouterr().err == ""
    assert capfd.readouterr().err == "inner\nouter\n"


def test_many_threads_leave_no_descriptor_open(capfd):
    def often() -> None:
        for _ in range(20):
            with without_native_chatter():
                os.write(2, b"x\n")

    before = len(list(Path("/dev/fd").iterdir()))
    threads = [threading.Thread(target=often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert capfd.readouterr().err == "x\n" * 80 and len(list(Path("/dev/fd").iterdir())) == before


@pytest.mark.parametrize("closing", ["os.close(2)", "os.close(2); sys.stderr = None", "sys.stderr.close()"])
def test_a_closed_stderr_stays_closed(closing):
    program = (
        "import os, sys\n"
        "from talkingface.utils.logger import without_native_chatter\n"
        f"{closing}\n"
        "with without_native_chatter(), without_native_chatter():\n"
        "    print('inside')\n"
        "print('after')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "inside\nafter\n" and done.returncode == 0
