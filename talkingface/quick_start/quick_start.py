"""The toolkit as functions: what the command line calls, and what notebooks and other programs import."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from talkingface import catalog
from talkingface.catalog.resolve import choose_dataset, resolve
from talkingface.chain.chain import Chain, carry_out, carry_out_evaluation, make_chain
from talkingface.chain.stage import Say
from talkingface.config.loader import Overrides
from talkingface.config.schema import Config
from talkingface.generate import Dubber, GenerateSummary
from talkingface.generate.files import user_path
from talkingface.utils.errors import MediaError
from talkingface.utils.logger import init_logger
from talkingface.utils.seed import init_seed

if TYPE_CHECKING:
    from talkingface.chain.evaluate import ExpertEvaluation, ModelEvaluation

__all__ = [
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


def run(
    model: str | None = None,
    dataset: str | None = None,
    config_file_list: Sequence[str] = (),
    config_dict: Mapping[str, Any] | None = None,
    *,
    profile: str | None = None,
    overrides: Overrides | None = None,
    dry_run: bool = False,
    say: Say = print,
) -> Chain:
    """Prepare the data, train what is missing, evaluate, dub a sample, and write a page about it.

    Args:
        model: name of a catalog row; with a key `resume` that names a run, neither this nor the dataset need be given.
        dataset: name of a dataset, or the folder of videos.
        config_file_list: YAML files, later wins.
        config_dict: configuration keys, above the files.
        profile: name of a profile, or `none`.
        overrides: files, keys and profile in one object, in place of the three above.
        dry_run: only print the plan.
        say: takes the lines that tell what happens.

    Raises:
        UserError: something given cannot be used; found before anything is written where it can be.
    """
    chain = make_chain(model, dataset, overrides or _overrides(config_file_list, config_dict, profile))
    carry_out(chain, "run", dry_run=dry_run, say=say)
    return chain


def train(
    model: str | None = None,
    dataset: str | None = None,
    config_file_list: Sequence[str] = (),
    config_dict: Mapping[str, Any] | None = None,
    *,
    profile: str | None = None,
    overrides: Overrides | None = None,
    dry_run: bool = False,
    say: Say = print,
) -> Chain:
    """Prepare the data, and train the model and what it needs; `chain.run.path` is the folder of the run.

    The arguments are those of `run`.

    Raises:
        UserError: something given cannot be used.
    """
    chain = make_chain(model, dataset, overrides or _overrides(config_file_list, config_dict, profile))
    carry_out(chain, "train", dry_run=dry_run, say=say)
    return chain


def evaluate(
    model: str | None = None,
    dataset: str | None = None,
    config_file_list: Sequence[str] = (),
    config_dict: Mapping[str, Any] | None = None,
    *,
    checkpoint: str | None = None,
    profile: str | None = None,
    overrides: Overrides | None = None,
    dry_run: bool = False,
    say: Say = print,
) -> ModelEvaluation | ExpertEvaluation:
    """Measure trained weights on the test list of a dataset, and write a page about it.

    With a checkpoint its weights, on the test clips of its own dataset or of `dataset`; a checkpoint of another project
    needs `model` and `dataset`. Without one, what `train` made of this model and dataset with this configuration, else
    the newest weights of the model.

    Args:
        model: name of a catalog row.
        dataset: name of a dataset, or the folder of videos; prepared.
        config_file_list: YAML files, later wins.
        config_dict: configuration keys, above the files.
        checkpoint: a run's folder or a .pth file.
        profile: name of a profile, or `none`.
        overrides: files, keys and profile in one object, in place of the three above.
        dry_run: only print the plan.
        say: takes the lines that tell what happens.

    Returns:
        What was measured: `folder`, and for models that draw faces `evaluation`, with the results of each clip.

    Raises:
        UserError: something given is missing or does not fit; nothing was trained.
    """
    return carry_out_evaluation(
        overrides or _overrides(config_file_list, config_dict, profile),
        checkpoint=checkpoint,
        model=model,
        dataset=dataset,
        dry_run=dry_run,
        say=say,
    )


def generate_video(
    checkpoint: str,
    *,
    face: str,
    audio: str,
    output: str,
    model: str | None = None,
    overrides: Overrides | None = None,
) -> GenerateSummary:
    """Dub a video with a trained model.

    Args:
        checkpoint: a run's folder or a .pth file, ours or an original project's.
        face: video or image.
        audio: sound file, or a video whose sound is used.
        output: mp4 file to write.
        model: the catalog row; needed for checkpoints of original projects only.
        overrides: device, precision, detector and other keys that differ from the checkpoint's.

    Raises:
        UserError: something given is missing or does not fit.
    """
    for flag, path in (("face", face), ("audio", audio)):
        if not user_path(path).is_file():
            raise MediaError(f"--{flag}={path}: no such file")
    with Dubber.from_checkpoint(checkpoint, model=model, overrides=overrides) as dubber:
        return dubber.write(face, audio, output, progress=dubber.config.run.show_progress)


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
