"""The program behind `run_talkingface.py` and `talkingface`: the command line to calls of `quick_start`.

Exit codes: 0 done, 2 something the user gave cannot be used (one message on stderr), 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from talkingface.arguments import Arguments, parse
from talkingface.config.loader import Resolved
from talkingface.config.plain import show
from talkingface.quick_start import catalog, resolve
from talkingface.utils.errors import UserError

if TYPE_CHECKING:
    from talkingface.quick_start.chains import Chain

HELP = """\
usage: python run_talkingface.py [COMMAND] --model=NAME --dataset=NAME [--KEY=VALUE ...]

commands
  run        prepare the data, train what is missing, evaluate, dub a sample (the default)
  prepare    prepare the data only
  train      prepare, and train what is missing
  evaluate   measure trained weights on the test list      [--checkpoint=saved/RUN or FILE.pth]
  generate   dub a video: --checkpoint=saved/RUN --face=person.mp4 --audio=speech.wav --output=out.mp4
  list       models, datasets and profiles; `list --runs`: what has been trained
  check      look whether everything is there, print the plan, write nothing

flags
  -m, --model NAME         {models}
  -d, --dataset NAME       {datasets}, or the folder of your videos
  --config_files A,B       YAML files of yours, later ones win
  --profile NAME           {profiles}, or none
  --checkpoint PATH        trained weights: a run's folder or a .pth file (also --evaluate_model_file)
  --dry-run                print the plan with its reasons, write nothing
  --print-config           print every key with its value and the layer that set it
  --KEY=VALUE              any configuration key: --epochs=5 --device=cpu --train_batch_size 8
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    try:
        arguments = parse(sys.argv[1:] if argv is None else argv)
        return _dispatch(arguments)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; the same command continues from here", file=sys.stderr)
        return 130


def _dispatch(arguments: Arguments) -> int:
    if "help" in arguments.switches or arguments.words[:1] == ("help",):
        print(_help(), end="")
        return 0
    word, *rest = arguments.words or ("run",)
    if word not in COMMANDS:
        raise UserError(catalog.unknown("command", word, list(COMMANDS)))
    if rest:
        raise UserError(f"{' '.join(rest)}: not understood; flags begin with two dashes (see --help)")
    (_print_config if "print_config" in arguments.switches else COMMANDS[word])(arguments)
    return 0


def _help() -> str:
    from talkingface.config.loader import profiles

    return HELP.format(
        models=", ".join(catalog.model_names()),
        datasets=", ".join(resolve.dataset_names()),
        profiles=", ".join(profiles()),
    )


def _print_config(arguments: Arguments) -> None:
    print(show(_resolved(arguments)), end="")


def _resolved(arguments: Arguments) -> Resolved:
    return resolve.resolve(_need(arguments, "model"), _need(arguments, "dataset"), arguments.overrides())


def _need(arguments: Arguments, option: str) -> str:
    """A flag that the command cannot do without."""
    if option in arguments.options:
        return arguments.options[option]
    known = {"model": catalog.model_names, "dataset": resolve.dataset_names}
    choices = f"; known: {', '.join(known[option]())}" if option in known else ""
    raise UserError(f"--{option}: needed{choices} (see --help)")


def _chain(arguments: Arguments) -> Chain:
    from talkingface.quick_start.chains import make_chain

    return make_chain(_need(arguments, "model"), _need(arguments, "dataset"), arguments.overrides())


def _run(arguments: Arguments) -> None:
    if "checkpoint" in arguments.options:
        return _evaluate(arguments)
    from talkingface.quick_start.chains import carry_out, summary

    chain = _chain(arguments)
    carry_out(chain, chain.all, dry_run="dry_run" in arguments.switches)
    if "dry_run" not in arguments.switches:
        print("\n".join(summary(chain)))
    return None


def _prepare(arguments: Arguments) -> None:
    from talkingface.quick_start.chains import carry_out

    chain = _chain(arguments)
    carry_out(chain, chain.data, dry_run="dry_run" in arguments.switches)


def _train(arguments: Arguments) -> None:
    from talkingface.quick_start.chains import carry_out, summary

    chain = _chain(arguments)
    carry_out(chain, chain.train, dry_run="dry_run" in arguments.switches)
    if "dry_run" not in arguments.switches:
        print("\n".join(summary(chain)))


def _check(arguments: Arguments) -> None:
    from talkingface.quick_start.chains import carry_out

    chain = _chain(arguments)
    carry_out(chain, chain.all, dry_run=True)


def _evaluate(arguments: Arguments) -> None:
    raise UserError("evaluate: not there yet")


def _generate(arguments: Arguments) -> None:
    raise UserError("generate: not there yet")


def _list(arguments: Arguments) -> None:
    from talkingface.config.loader import profiles

    print("models")
    for name in catalog.model_names():
        print(f"  {name:16} {catalog.model_row(name).description}")
    print("datasets (or the folder of your videos)")
    rows = catalog.one_each(catalog.DATASETS)
    for name in resolve.dataset_names():
        print(f"  {name:16} {rows.get(name, catalog.VIDEOS).description}")
    print(f"profiles\n  {', '.join(profiles())}")


COMMANDS: dict[str, Callable[[Arguments], None]] = {
    "run": _run,
    "prepare": _prepare,
    "train": _train,
    "evaluate": _evaluate,
    "generate": _generate,
    "list": _list,
    "check": _check,
}
