"""The toolkit as functions: what the command line calls, and what notebooks and other programs import."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from talkingface import catalog
from talkingface.catalog.resolve import choose_dataset, resolve
from talkingface.chain.chain import Chain, carry_out, make_chain
from talkingface.chain.stage import Say
from talkingface.config.loader import Overrides
from talkingface.config.schema import Config
from talkingface.quick_start.use import generate_video
from talkingface.utils.logger import init_logger
from talkingface.utils.seed import init_seed

__all__ = [
    "create_dataset",
    "generate_video",
    "get_config",
    "get_model",
    "get_preprocess",
    "get_trainer",
    "init_logger",
    "init_seed",
    "run",
]


def run(
    model: str,
    dataset: str,
    config_file_list: Sequence[str] = (),
    config_dict: Mapping[str, Any] | None = None,
    *,
    profile: str | None = None,
    dry_run: bool = False,
    say: Say = print,
) -> Chain:
    """Prepare the data, train what is missing, evaluate, and dub a sample.

    Args:
        model: name of a catalog row.
        dataset: name of a dataset, or the folder of videos.
        config_file_list: YAML files, later wins.
        config_dict: configuration keys, above the files.
        profile: name of a profile, or `none`.
        dry_run: only print the plan.
        say: takes the lines that tell what happens.

    Raises:
        UserError: something given cannot be used; found before anything is written where it can be.
    """
    chain = make_chain(model, dataset, _overrides(config_file_list, config_dict, profile))
    carry_out(chain, "run", dry_run=dry_run, say=say)
    return chain


def get_config(
    model: str,
    dataset: str,
    config_file_list: Sequence[str] = (),
    config_dict: Mapping[str, Any] | None = None,
    *,
    profile: str | None = None,
) -> Config:
    """The configuration of a model on a dataset."""
    return resolve(model, dataset, _overrides(config_file_list, config_dict, profile)).config


def get_model(model_name: str) -> type[Any]:
    """The network class of a model."""
    network: type[Any] = catalog.load(catalog.model_row(model_name).model)
    return network


def get_trainer(model_name: str) -> type[Any]:
    """The trainer class of a model."""
    trainer: type[Any] = catalog.load(catalog.model_row(model_name).trainer)
    return trainer


def get_preprocess(dataset_name: str) -> Callable[..., Any]:
    """The function that prepares a dataset's videos: (config.dataset, show_progress=...).

    Raises:
        UserError: no such dataset.
    """
    from talkingface.data.dataprocess.hyperlipsbase_process import prepare

    choose_dataset(dataset_name)
    return prepare


def create_dataset(config: Config) -> tuple[Any, Any]:
    """Training and validation data of a configuration; prepare and pack come before."""
    make = catalog.load(catalog.model_row(config.model_name).dataset)
    return make(config, "train"), make(config, "val")


def _overrides(files: Sequence[str] | None, values: Mapping[str, Any] | None, profile: str | None) -> Overrides:
    return Overrides(files=tuple(files or ()), flags=values or {}, flags_from="config_dict", profile=profile)
