"""Which device, and in which arithmetic."""

from __future__ import annotations

import contextlib
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
