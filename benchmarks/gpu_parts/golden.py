"""The networks against values that the published ones gave, on the device that is measured."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]
FEW = ("enlarging 1 times", "discriminator of whole faces")
"""Small networks, for a trial."""


def check_golden(device: torch.device, *, few: bool) -> list[dict[str, Any]]:
    """A row for each network: how far outputs, loss and gradients are from the golden ones, and whether that will do.

    Outputs in evaluation mode are computed in float64 too; training, forward and back, in float32 without TF32.
    """
    sys.path.insert(0, str(ROOT / "tests" / "model"))
    from golden_cases import CASES

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = False, True
    return [_check(name, CASES[name], device) for name in (FEW if few else CASES)]


def _check(name: str, case: Any, device: torch.device) -> dict[str, Any]:
    from filled import GOLDEN, fill
    from golden_cases import keys_of, outputs, probe, train_once

    wanted = np.load(GOLDEN / case.folder / "golden64.npz")
    network = fill(case.network(), keys_of(case)["gain"]).to(device)

    def inputs(dtype: torch.dtype) -> list[Tensor]:
        return [value.to(device) for value in case.inputs(dtype)]

    with torch.no_grad():
        exact = [value.cpu() for value in outputs(network.double().eval(), inputs(torch.float64))]
    far64 = max(_far(probe(one, 1024), wanted[f"eval_out{k}_probe"]) for k, one in enumerate(exact))
    results, loss = train_once(fill(network.float(), keys_of(case)["gain"]), inputs(torch.float32))
    far32 = max(_far(probe(one.cpu(), 1024), wanted[f"train_out{k}_probe"]) for k, one in enumerate(results))
    lengths = np.array([weight.grad.double().norm().item() for weight in network.parameters()])
    large = wanted["train_grad_l2"] > 1e-6 * wanted["train_grad_l2"].max()
    gradients = float(np.abs(lengths[large] / wanted["train_grad_l2"][large] - 1).max())
    loss_error = abs(loss - float(wanted["train_loss"]))
    will_do = far64 < 1e-9 and far32 < case.float32[0] and gradients < case.float32[1]
    return {
        "network": name, "eval_float64": far64, "train_float32": far32, "loss": loss_error, "gradients": gradients,
        "ok": bool(will_do and np.isfinite(loss)),
    }  # fmt: skip


def _far(values: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.abs(values - wanted).max())
