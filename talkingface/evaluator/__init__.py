"""Evaluation: dub test clips by several protocols, measure the written files, summarise.

metrics/ has one family of metrics a file, protocols/ says which videos are dubbed and compared. Names are imported when
they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

NAMES = {
    "ClipResult": "results",
    "EvalClip": "results",
    "Evaluation": "outcome",
    "Evaluator": "evaluator",
    "evaluate": "evaluator",
}


def __getattr__(name: str) -> Any:
    if name not in NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"talkingface.evaluator.{NAMES[name]}"), name)
