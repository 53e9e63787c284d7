"""Training steps: how long they take, by arithmetic and way of computing, and where the time goes."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu_parts.clock import Clock
from benchmarks.gpu_parts.subjects import Subject
from talkingface.trainer.trainer import Trainer

PLAIN: dict[str, dict[str, Any]] = {
    "fp32": {"precision": "fp32"},
    "TF32": {"precision": "tf32"},
    "bf16": {"precision": "bf16"},
}
"""Variants that every model is measured in -> their run keys."""
FURTHER: dict[str, dict[str, Any]] = {
    "fp16": {"precision": "fp16"},
    "bf16, not channels-last": {"precision": "bf16"},
    "bf16, deterministic": {"precision": "bf16", "deterministic": True},
    "bf16, checkpoint_activations": {"precision": "bf16", "checkpoint_activations": True},
    "bf16, CUDA graph": {"precision": "bf16"},
    "bf16, compile=default": {"precision": "bf16", "compile": "default"},
}
"""Variants that are measured of one model; the last ones take long to prepare."""
MATMUL = {"TF32": "tf32", "fp32": "fp32", "fp16": "fp16"}
"""Variant -> the arithmetic whose rate it is held against; others are bf16's."""


def measure_step(subject: Subject, variant: str, run: dict[str, Any], clock: Clock, rates: dict[str, float]) -> dict:
    """Time, memory and rate of a training step; where it fails, the reason."""
    began = time.perf_counter()
    row: dict[str, Any] = {"model": subject.model, "variant": variant, "samples": subject.samples}
    try:
        trainer = subject.trainer(**run)
        clock.forget_peak()
        step = _graphed(trainer, subject) if "graph" in variant else lambda: trainer.train_step(subject.batch)
        with as_written(trainer) if "not channels-last" in variant else nullcontext():
            seconds = clock.seconds(step)
    except (RuntimeError, torch.cuda.OutOfMemoryError) as error:
        return row | {"failed": str(error).splitlines()[0][:120]}
    finally:
        undo(subject)
        gc.collect()
    row |= {"ms": 1e3 * seconds, "samples_per_second": subject.samples / seconds, "peak_gb": clock.peak_gb()}
    flop, rate = flops(subject), rates.get(MATMUL.get(variant, "bf16"))
    per_second = None if flop is None else flop / seconds
    row |= {"tflop": flop and flop / 1e12, "tflop_per_second": per_second and per_second / 1e12}
    row |= {"of_matmul": per_second / rate if per_second and rate else None}
    return row | {"prepared_in": time.perf_counter() - began - seconds}


def flops(subject: Subject) -> float | None:
    """Floating-point operations of a step's convolutions and products, counted once; None where it does not fit."""
    if "flop" not in subject.known:
        try:
            with FlopCounterMode(display=False) as counter:
                subject.trainer(precision="auto").train_step(subject.batch)
        except RuntimeError:
            return None
        subject.known["flop"] = counter.get_total_flops()
    return float(subject.known["flop"])


def undo(subject: Subject) -> None:
    """Take away what a variant has left on the shared networks: compiled code, forward passes in segments."""
    for network in (subject.network, *subject.parts.values()):
        for module in network.modules():
            module._compiled_call_impl = None
            module.__dict__.pop("forward", None)


def share_of_parts(subject: Subject, clock: Clock, *, repeats: int) -> dict[str, float]:
    """Shares of a bf16 step: generator forward and backward, losses, discriminator, optimizers; they sum to 1."""
    trainer: Any = subject.trainer(precision="bf16")
    spans: list[tuple[str, Any, Any]] = []

    def mark() -> Any:
        if not clock.is_cuda:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*inputs: Any, **options: Any) -> Any:
            began = mark()
            try:
                return function(*inputs, **options)
            finally:
                spans.append((name, began, mark()))

        return call

    adversary = getattr(trainer, "adversary", None)
    trainer.model.infer = timed("generator forward", trainer.model.infer)
    for method, name in (("generator_losses", "losses"), ("judge_once", "disc"), ("discriminator_step", "disc")):
        if hasattr(trainer, method):
            setattr(trainer, method, timed(name, getattr(trainer, method)))
    optimize = trainer.optimize
    trainer.optimize = lambda optimizer, loss: timed(
        "disc optimize" if adversary is not None and optimizer is adversary.optimizer else "optimize", optimize
    )(optimizer, loss)
    trainer.optimizer.step = timed("step", trainer.optimizer.step)
    for _ in range(0 if clock.quick else 3):
        trainer.train_step(subject.batch)
    spans.clear()
    whole = timed("whole", trainer.train_step)
    for _ in range(repeats):
        whole(subject.batch)
    if clock.is_cuda:
        torch.cuda.synchronize(clock.device)
    totals: dict[str, float] = {}
    for name, began, ended in spans:
        totals[name] = totals.get(name, 0.0) + (began.elapsed_time(ended) if clock.is_cuda else ended - began)
    trainer.model.__dict__.pop("infer", None)
    trainer.optimizer.__dict__.pop("step", None)
    return _shares(totals)


def _shares(totals: dict[str, float]) -> dict[str, float]:
    """From spans, of which some lie in others: a discriminator's step holds its optimizer's."""
    parts = {
        "generator forward": totals.get("generator forward", 0.0),
        "losses forward": totals.get("losses", 0.0),
        "backward of both": totals.get("optimize", 0.0) - totals.get("step", 0.0),
        "optimizer": totals.get("step", 0.0),
        "discriminator's pass and step": totals.get("disc", 0.0),
    }
    parts["other"] = max(0.0, totals["whole"] - sum(parts.values()))
    return {name: value / totals["whole"] for name, value in parts.items()}


def _graphed(trainer: Trainer, subject: Subject) -> Callable[[], None]:
    """One whole step captured as a CUDA graph, its rate and losses fixed."""
    if subject.device.type != "cuda":
        raise RuntimeError("CUDA graphs need CUDA")
    for part in trainer.state().values():
        if isinstance(part, torch.optim.Optimizer):
            for group in part.param_groups:
                group["capturable"] = True
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(4):
            trainer.train_step(subject.batch)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        trainer.train_step(subject.batch)
    return graph.replay


def set_layout(trainer: Trainer, layout: torch.memory_format) -> None:
    """Lay out all convolution weights."""
    for part in trainer.state().values():
        for weight in part.parameters() if isinstance(part, nn.Module) else ():
            if weight.dim() == 4:
                weight.data = weight.data.contiguous(memory_format=layout)


@contextmanager
def as_written(trainer: Trainer) -> Iterator[None]:
    """Within, weights are not channels-last, and networks that ask for such inputs get them as they lie."""
    contiguous: Any = torch.Tensor.contiguous
    set_layout(trainer, torch.contiguous_format)
    torch.Tensor.contiguous = lambda self, memory_format=None: contiguous(self)  # type: ignore[method-assign,misc]
    try:
        yield
    finally:
        torch.Tensor.contiguous = contiguous  # type: ignore[method-assign]
        set_layout(trainer, torch.channels_last)
