"""Which device, and in which arithmetic."""

from __future__ import annotations

import contextlib
import functools
import os
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


@functools.cache
def cuda_abilities(device: torch.device) -> frozenset[str]:
    """Which of `bf16` and `fp16` a CUDA card multiplies by its own units, not emulated."""
    import torch

    with torch.cuda.device(device):
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    has = {"bf16": has_bf16, "fp16": torch.cuda.get_device_capability(device) >= (7, 0)}
    return frozenset(name for name, there in has.items() if there)


PRECISIONS = ("auto", "fp32", "tf32", "bf16", "fp16")


def arithmetic(device: torch.device, precision: str) -> str:
    """What `precision` comes to on `device`: `fp32`, `bf16`, `fp16`, or on CUDA `tf32`.

    `auto` takes what the device multiplies by its own units: bf16 on CUDA from compute capability 8.0 on and on the
    CPUs of `cpu_has_bf16`, fp16 on CUDA from 7.0 on, else fp32. So under `auto` the last digits of losses and figures
    depend on the machine; name one where they must not.

    Raises:
        UserError: the precision has another name, or is bf16 on a card that would only emulate it.
    """
    import torch

    if precision not in PRECISIONS:
        raise UserError(f"precision: got {precision!r}, wanted {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}")
    if device.type == "cuda":
        has = cuda_abilities(device)
        if precision == "auto":
            return next((one for one in ("bf16", "fp16") if one in has), "fp32")
        if precision == "bf16" and precision not in has:
            name = torch.cuda.get_device_name(device)
            raise UserError(f"precision: bf16 was asked for, and {device} ({name}) would emulate it; use fp16 or auto")
        return precision
    if precision == "auto":
        return "bf16" if cpu_has_bf16() else "fp32"
    return "fp32" if precision == "tf32" else precision


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[object]:
    """Context of the forward pass: bfloat16 or float16 where `arithmetic` says so. Weights stay float32."""
    import torch

    chosen = arithmetic(device, precision)
    if chosen in ("bf16", "fp16"):
        return torch.autocast(device.type, dtype=torch.bfloat16 if chosen == "bf16" else torch.float16)
    return contextlib.nullcontext()


def set_policy(device: torch.device, *, precision: str, deterministic: bool) -> None:
    """Set what torch keeps for the whole process: TF32 only where asked for, the fastest kernels or repeatable ones.

    Args:
        device: where the process computes.
        precision: as of `arithmetic`; with `tf32` CUDA multiplies float32 with ten bits of mantissa, else never.
        deterministic: take algorithms that give the same bits each time; False takes the fastest, found by trying.
    """
    import torch

    if deterministic:  # cuBLAS reads it when it is first used
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(deterministic)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # would cost a pass
    torch.backends.cudnn.deterministic = deterministic
    torch.backends.cudnn.benchmark = not deterministic
    tf32 = device.type == "cuda" and arithmetic(device, precision) == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
