"""Evaluation of dubbed videos: test clips are dubbed by several protocols and scored against the real ones.

metrics/ has one family of metrics a file, protocols/ one way of dubbing or comparing a file: which videos, what of them
is compared, what its rows of the report say. Names are imported when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

NAMES = {
    "ClipResult": "clip_result",
    "EvalClip": "clip_result",
    "Evaluation": "evaluation",
    "Evaluator": "evaluator",
    "evaluate": "evaluator",
}


def __getattr__(name: str) -> Any:
    if name not in NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"talkingface.evaluator.{NAMES[name]}"), name)
