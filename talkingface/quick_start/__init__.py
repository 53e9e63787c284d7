"""One call for the whole chain. `from talkingface.quick_start import run, get_model, ...`

Names are imported when they are asked for, so that reading the catalog or a configuration imports no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

NAMES = (
    "create_dataset",
    "generate_video",
    "get_config",
    "get_model",
    "get_preprocess",
    "get_trainer",
    "init_logger",
    "init_seed",
    "run",
)


def __getattr__(name: str) -> Any:
    if name not in NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("talkingface.quick_start.quick_start"), name)
