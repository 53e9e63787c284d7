"""The toolkit as functions: `from talkingface.quick_start import run, train, evaluate, Dubber, get_model, ...`

Names are imported when they are asked for, so that reading the catalog or a configuration imports no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from talkingface.generate import Dubber
    from talkingface.quick_start.quick_start import (
        create_dataset,
        evaluate,
        generate_video,
        get_config,
        get_model,
        get_preprocess,
        get_trainer,
        init_logger,
        init_seed,
        run,
        train,
    )

__all__ = [
    "Dubber",
    "create_dataset",
    "evaluate",
    "generate_video",
    "get_config",
    "get_model",
    "get_preprocess",
    "get_trainer",
    "init_logger",
    "init_seed",
    "run",
    "train",
]
PLACES = {"Dubber": "talkingface.generate"}
"""Modules of the names that are not in quick_start.py."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(PLACES.get(name, "talkingface.quick_start.quick_start")), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
