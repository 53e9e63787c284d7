"""Silencing C++ libraries hides nothing else."""

from __future__ import annotations

import os
import sys

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
