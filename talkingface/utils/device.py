"""Which device, in which arithmetic, and with which memory allocator."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from talkingface.utils.errors import UserError

if TYPE_CHECKING:
    import torch


def pick_device(name: str) -> torch.device:
    """Return the device asked for: `auto` (CUDA if there is one, else CPU), `cpu`, `cuda`, `cuda:1`.

    Raises:
        UserError: the name is not one of these, or the device is not there. Another one is never taken instead.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdecimal()) or (kind == "cpu" and number):
        raise UserError(f"device: got {name!r}, wanted auto, cpu, cuda or cuda:<number>")
    if kind == "cuda":
        if not torch.cuda.is_available():
            raise UserError(f"device: {name!r} was asked for, but torch sees no CUDA device here; use cpu or auto")
        if number and int(number) >= torch.cuda.device_count():
            raise UserError(f"device: {name!r} was asked for, but there are {torch.cuda.device_count()} CUDA devices")
    return torch.device(name)


def uses_bf16(device: torch.device, precision: str) -> bool:
    """Whether `precision` means bfloat16 on `device`: `bf16` always, `auto` on CUDA, `fp32` never.

    Raises:
        UserError: the precision has another name.
    """
    if precision not in ("auto", "fp32", "bf16"):
        raise UserError(f"precision: got {precision!r}, wanted auto, fp32 or bf16")
    return precision == "bf16" or (precision == "auto" and device.type == "cuda")


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[object]:
    """Context of the forward pass: bfloat16 where `uses_bf16` says so, else nothing. Weights stay float32."""
    import torch

    if uses_bf16(device, precision):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


SETTING = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "17179869184"}
GUARD = "TALKINGFACE_ALLOCATOR"
"""Set for the second start. Setting it oneself, to `default`, keeps the first."""


def restart_with_setting(device: str) -> None:
    """Replace this process by the same command with the setting, where that helps and has not been done.

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
