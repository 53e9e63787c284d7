"""Which device, in which arithmetic, and with which memory allocator."""

from __future__ import annotations

import contextlib
import functools
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


@functools.cache
def cpu_has_bf16() -> bool:
    """Whether this CPU multiplies bfloat16 (AMX, AVX512-BF16). Others emulate it, many times slower than float32.

    False where torch does not tell: on ARM, and in versions without these checks.
    """
    import torch

    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):  # torch has no public question for it
        with contextlib.suppress(AttributeError, RuntimeError):
            if getattr(torch.cpu, name)():
                return True
    return False


def uses_bf16(device: torch.device, precision: str) -> bool:
    """Whether `precision` means bfloat16 on `device`: `bf16` always, `fp32` never, `auto` where it is fast.

    It is fast on CUDA, and on the CPUs of `cpu_has_bf16`. So under `auto` the last digits of losses and figures depend
    on the machine; name `fp32` or `bf16` where they must not.

    Raises:
        UserError: the precision has another name.
    """
    if precision not in ("auto", "fp32", "bf16"):
        raise UserError(f"precision: got {precision!r}, wanted auto, fp32 or bf16")
    return precision == "bf16" or (precision == "auto" and (device.type == "cuda" or cpu_has_bf16()))


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[object]:
    """Context of the forward pass: bfloat16 where `uses_bf16` says so, else nothing. Weights stay float32."""
    import torch

    if uses_bf16(device, precision):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


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
