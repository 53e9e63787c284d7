"""What there is: models, kinds of datasets and metrics, one row each; classes are named as text, imported when used."""

from talkingface.catalog.datasets import DATASETS, VIDEOS
from talkingface.catalog.lookup import (
    GROUPS,
    all_model_keys,
    dataset_row,
    dataset_row_names,
    load,
    metric_classes,
    model_keys,
    model_names,
    model_row,
    one_each,
    serves,
    spelling,
    takes,
    unknown,
)
from talkingface.catalog.models import MODELS
from talkingface.catalog.rows import DatasetRow, ModelRow, Need

__all__ = [
    "DATASETS",
    "GROUPS",
    "MODELS",
    "VIDEOS",
    "DatasetRow",
    "ModelRow",
    "Need",
    "all_model_keys",
    "dataset_row",
    "dataset_row_names",
    "load",
    "metric_classes",
    "model_keys",
    "model_names",
    "model_row",
    "one_each",
    "serves",
    "spelling",
    "takes",
    "unknown",
]
