"""Which memory allocator settings a training on CPU runs with."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

SETTING = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "17179869184"}
"""Environment in which glibc keeps freed memory for the next step instead of giving it back to the system."""
GUARD = "TALKINGFACE_ALLOCATOR"
"""Set for the second start. A user who sets it himself, to `default`, keeps glibc's own behaviour."""


def restart_with_setting(device: str) -> None:
    """Start this command again with `SETTING`, which is read when a process begins, where that makes training faster.

    Args:
        device: the configured device; on CUDA nothing is gained.
    """
    if helps(device, os.environ):
        sys.stdout.flush()
        sys.stderr.flush()
        command = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **SETTING, GUARD: "set"})


def helps(device: str, environment: Mapping[str, str]) -> bool:
    """Whether this is a CPU run under glibc on Linux whose user has not chosen for himself."""
    if GUARD in environment or any(name in environment for name in SETTING):
        return False
    if not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc":
        return False
    return device == "cpu" or (device == "auto" and not Path("/dev/nvidiactl").exists())
