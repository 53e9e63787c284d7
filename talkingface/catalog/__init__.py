"""What there is: models, kinds of datasets and metrics, one row each; classes are named as text, imported when used."""

from talkingface.catalog.datasets import DATASETS, VIDEOS
from talkingface.catalog.lookup import (
    ENTRY_POINTS,
    all_model_keys,
    load,
    model_keys,
    model_names,
    model_row,
    one_each,
    unknown,
)
from talkingface.catalog.models import MODELS
from talkingface.catalog.rows import DatasetRow, ModelRow, Need

__all__ = [
    "DATASETS",
    "ENTRY_POINTS",
    "MODELS",
    "VIDEOS",
    "DatasetRow",
    "ModelRow",
    "Need",
    "all_model_keys",
    "load",
    "model_keys",
    "model_names",
    "model_row",
    "one_each",
    "unknown",
]
