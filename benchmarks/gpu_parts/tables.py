"""The figures of a run as a page of Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

CARD_GB = 11.0
"""What the published recipe of HyperLipsBase should fit into: a card of 12 GB with a screen on it."""


def page(found: dict[str, Any]) -> str:
    """All tables that there are figures for."""
    parts = [_facts(found), _golden(found), _steps(found), _shares(found), _loading(found), _drawing(found)]
    parts += [f"Left out for lack of time: {', '.join(found['left_out'])}."] if found["left_out"] else []
    parts += ["Failed:\n\n" + "\n".join(f"- {line}" for line in found["failed"])] if found["failed"] else []
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *map(list, rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _facts(found: dict[str, Any]) -> str:
    text = ", ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
                     for key, value in found["facts"].items())  # fmt: skip
    if "rates" in found:
        rates = ", ".join(f"{name} {rate / 1e12:.3g} TFLOP/s" for name, rate in found["rates"].items())
        text += f"\n\nMatrix product: {rates}; copy {found['copy'] / 1e9:.3g} GB/s read and written."
    return text


def _golden(found: dict[str, Any]) -> str:
    rows = found.get("golden", [])
    if not rows:
        return ""
    head = ("network", "float64 drawn, max error", "float32 trained, max error", "loss", "gradients, relative", "")
    cells = (
        (
            row["network"], f"{row['eval_float64']:.1e}", f"{row['train_float32']:.1e}", f"{row['loss']:.1e}",
            f"{row['gradients']:.1e}", "ok" if row["ok"] else "WRONG",
        )
        for row in rows
    )  # fmt: skip
    return _table(head, cells)


def _steps(found: dict[str, Any]) -> str:
    rows = found.get("steps", [])
    if not rows:
        return ""
    head = ("model", "variant", "samples", "ms a step", "samples/s", "peak GB", "TFLOP", "TFLOP/s", "of matmul")
    text = _table(head, map(_step, rows))
    base = [row for row in rows if row["model"] == "HyperLipsBase" and row["variant"] == "bf16" and row.get("peak_gb")]
    if base:
        peak = base[0]["peak_gb"]
        text += f"\n\nHyperLipsBase as published takes {peak:.1f} GB in bf16: "
        text += f"{'fits' if peak < CARD_GB else 'does not fit'} into {CARD_GB:g} GB."
    return text


def _step(row: dict[str, Any]) -> list[str]:
    first = [row["model"], row["variant"], str(row["samples"])]
    if "failed" in row:
        return [*first, f"failed: {row['failed']}", *[""] * 5]
    peak = "" if row["peak_gb"] is None else f"{row['peak_gb']:.1f}"
    figures = [f"{row['ms']:.1f}", f"{row['samples_per_second']:.1f}", peak]
    rates = ["" if row[key] is None else f"{row[key]:.3g}" for key in ("tflop", "tflop_per_second")]
    return [*first, *figures, *rates, "" if row["of_matmul"] is None else f"{row['of_matmul']:.0%}"]


def _shares(found: dict[str, Any]) -> str:
    shares = found.get("shares", {})
    if not shares:
        return ""
    names = list(next(iter(shares.values())))
    rows = ([model, *(f"{one[name]:.0%}" for name in names)] for model, one in shares.items())
    return _table(["share of a bf16 step", *names], rows)


def _loading(found: dict[str, Any]) -> str:
    rows = found.get("loading", [])
    if not rows:
        return ""
    cells = (
        [row["model"], str(row["workers"]), f"{row['samples_per_second']:.1f}", f"{row['data_wait']:.1%}"]
        for row in rows
    )
    return _table(["training from packed clips", "loader processes", "samples/s", "waits for data"], cells)


def _drawing(found: dict[str, Any]) -> str:
    rows = found.get("drawing", [])
    if not rows:
        return ""
    cells = (
        [row["model"], f"{row['size']} px", row["precision"], str(row["batch"]), f"{row['fps']:.0f}"] for row in rows
    )
    return _table(["drawing", "size", "precision", "faces a call", "frames/s"], cells)
