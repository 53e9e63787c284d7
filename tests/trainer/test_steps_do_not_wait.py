"""Nothing inside a step reads a value back: on a GPU the host would wait for it there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.gpu_parts.subjects import MODELS, Subject
from talkingface.trainer.trainer import Trainer
from talkingface.utils.device import set_policy

CPU = torch.device("cpu")
WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "unique")
"""Operators of torch whose result the host has to know."""


class NoWaiting(TorchDispatchMode):
    """Refuses operators that would wait."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name().removeprefix("aten::").split(".")[0]
        assert name not in WAITING, f"{name} inside a step"
        return func(*args, **(kwargs or {}))


def step(trainer: Trainer, subject: Subject) -> dict[str, torch.Tensor]:
    with NoWaiting():
        return trainer.train_step(subject.batch)


@pytest.mark.parametrize("model", MODELS)
def test_no_recipe_waits(tmp_path: Path, model: str) -> None:
    subject = Subject.make(model, CPU, tmp_path, tiny=True)
    for precision in ("fp32", "fp16"):
        losses = step(subject.trainer(precision=precision, log_every=1), subject)
        assert all(bool(torch.isfinite(value)) for value in losses.values())
    set_policy(CPU, precision="fp32", deterministic=False)


@pytest.mark.parametrize("model", ["HyperLipsHR", "Wav2LipGAN"])
def test_options_do_not_either(tmp_path: Path, model: str) -> None:
    options = {"r1_weight": 1.0, "spectral_norm": True, "gradient_weight": 0.1, "grad_clip_norm": 1.0}
    subject = Subject.make(model, CPU, tmp_path, tiny=True, **options)
    assert {"r1", "gradient"} <= step(subject.trainer(checkpoint_activations=True), subject).keys()


def test_what_waits_is_seen(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="_local_scalar_dense inside"), NoWaiting():
        torch.ones(()).item()
