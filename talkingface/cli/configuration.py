"""`--print-config`: the configuration that a command would use, every key with its value and where that is from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from talkingface import catalog
from talkingface.catalog import resolve
from talkingface.cli.arguments import Arguments
from talkingface.cli.commands import need, to_train
from talkingface.config.loader import Resolved
from talkingface.config.plain import show
from talkingface.config.running import RESUME

if TYPE_CHECKING:
    from talkingface.catalog.resolve import DatasetChoice


def print_config(arguments: Arguments) -> None:
    """`--print-config` of any command that reads a configuration: every key, its value, and where that is from."""
    given = arguments.options
    if "checkpoint" in given:
        print(show(_of_checkpoint(arguments)), end="")
    elif "generated" in given or "real" in given:
        from talkingface.model.trained import NO_DATASET

        choice = resolve.DatasetChoice(name=NO_DATASET, row=catalog.VIDEOS)
        print(_without_model(resolve.resolve(None, choice, arguments.overrides())), end="")
    elif arguments.words[:1] == ("prepare",) and "model" not in given:
        dataset = need(arguments, "dataset")
        print(_without_model(resolve.resolve(None, dataset, arguments.overrides(), asked_for=False)), end="")
    else:
        print(show(_of_training(arguments)), end="")


def _of_training(arguments: Arguments) -> Resolved:
    """The configuration of a training that would begin, or of a run that would go on."""
    model, dataset = to_train(arguments)
    if arguments.flags.get("resume", "auto") not in RESUME:
        from talkingface.chain.resume import resumed

        found = resumed(arguments.overrides(), model, dataset)
        assert found is not None
        return resolve.resolve(found.model, found.dataset, found.overrides)
    assert model is not None and dataset is not None
    return resolve.resolve(model, dataset, arguments.overrides())


def _of_checkpoint(arguments: Arguments) -> Resolved:
    """The configuration under which a checkpoint would be used."""
    from talkingface.model.checkpoint import checkpoint_file
    from talkingface.model.trained import load_trained

    given, overrides = arguments.options, arguments.overrides()
    choice: DatasetChoice | None = None
    if "dataset" in given:
        choice = resolve.choose_dataset(given["dataset"], overrides)
    path = checkpoint_file(given["checkpoint"])
    trained = load_trained(path, model=given.get("model"), dataset=choice, overrides=overrides)
    return replace(resolve.resolve(trained.row.name, trained.dataset, trained.overrides), config=trained.config)


def _without_model(resolved: Resolved) -> str:
    """The parts `run` and `dataset` of a configuration that is of no model."""
    text, _, _ = show(resolved).partition("\n# model\n")
    return text.replace("#  on ", "# ", 1)
