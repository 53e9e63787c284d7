"""The program behind `run_talkingface.py` and `talkingface`: the command line to calls of `quick_start`.

Exit codes: 0 done, 2 something the user gave cannot be used (one message on stderr), 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from talkingface import catalog
from talkingface.catalog import resolve
from talkingface.cli.arguments import Arguments, parse
from talkingface.config.loader import Resolved
from talkingface.config.plain import show
from talkingface.utils.device import restart_with_setting
from talkingface.utils.errors import UserError

if TYPE_CHECKING:
    from talkingface.chain.chain import Chain, Until

COMPUTING = ("run", "train", "evaluate", "generate")
"""Commands whose time goes into tensors."""
HELP = """\
usage: python run_talkingface.py [COMMAND] --model=NAME --dataset=NAME [--KEY=VALUE ...]

commands
  run        prepare the data, train what is missing, evaluate, dub a sample, report (the default)
  prepare    prepare the data only
  train      prepare, and train what is missing
  evaluate   measure trained weights on the test list      [--checkpoint=saved/RUN or FILE.pth]
             or any system's videos: --generated=FOLDER --real=FOLDER [--metrics=psnr,ssim]
  generate   dub a video: --checkpoint=saved/RUN --face=person.mp4 --audio=speech.wav --output=out.mp4
  list       models, datasets and profiles; `list --runs`: what has been trained, in one table
  compare    runs side by side on one page: compare RUN RUN ...
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
    """Run one command; returns the exit code.

    Args:
        argv: what follows the program's name. Only without it, as a program of its own, may the process be started
            again with a better allocator setting (see allocator.py).
    """
    try:
        arguments = parse(sys.argv[1:] if argv is None else argv)
        if argv is None and (arguments.words or ("run",))[0] in COMPUTING and not arguments.switches:
            restart_with_setting(arguments.flags.get("device", "auto"))
        return _dispatch(arguments)
    except UserError as error:
        print(f"error: {_counted(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; the same command continues from here", file=sys.stderr)
        return 130


def _counted(message: str) -> str:
    """One problem as it stands, several under their number."""
    lines = message.splitlines()
    return message if len(lines) == 1 else "\n  ".join([f"{len(lines)} problems", *lines])


def _dispatch(arguments: Arguments) -> int:
    if "help" in arguments.switches or arguments.words[:1] == ("help",):
        print(_help(), end="")
        return 0
    word, *rest = arguments.words or ("run",)
    if word not in COMMANDS:
        raise UserError(catalog.unknown("command", word, list(COMMANDS)))
    if rest and word not in TAKES_WORDS:
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
    from talkingface.chain.chain import make_chain

    return make_chain(_need(arguments, "model"), _need(arguments, "dataset"), arguments.overrides())


def _run(arguments: Arguments) -> None:
    if "checkpoint" in arguments.options:  # as --evaluate_model_file is known: measure, do not train
        _evaluate(arguments)
    else:
        _carry_out(arguments, "run")


def _prepare(arguments: Arguments) -> None:
    if "model" in arguments.options:
        _carry_out(arguments, "prepare")
        return
    from talkingface.chain.chain import carry_out_data

    carry_out_data(_need(arguments, "dataset"), arguments.overrides(), dry_run="dry_run" in arguments.switches)


def _train(arguments: Arguments) -> None:
    _carry_out(arguments, "train")


def _check(arguments: Arguments) -> None:
    _carry_out(arguments, "run", dry_run=True)


def _carry_out(arguments: Arguments, until: Until, *, dry_run: bool = False) -> None:
    from talkingface.chain.chain import carry_out

    carry_out(_chain(arguments), until, dry_run=dry_run or "dry_run" in arguments.switches)


def _evaluate(arguments: Arguments) -> None:
    if "generated" in arguments.options or "real" in arguments.options:
        _evaluate_folders(arguments)
        return
    from talkingface.chain.chain import carry_out_evaluation

    given = arguments.options
    if "checkpoint" not in given:
        _need(arguments, "model")
        _need(arguments, "dataset")
    carry_out_evaluation(
        arguments.overrides(),
        checkpoint=given.get("checkpoint"),
        model=given.get("model"),
        dataset=given.get("dataset"),
        dry_run="dry_run" in arguments.switches,
    )


def _evaluate_folders(arguments: Arguments) -> None:
    from talkingface.chain.evaluate_folders import folder_evaluation
    from talkingface.chain.stage import run_stages, show_plan

    generated, real = (_need(arguments, name) for name in ("generated", "real"))
    if given := [name for name in ("checkpoint", "model", "dataset") if name in arguments.options]:
        raise UserError(f"--{given[0]}: not with --generated and --real, which need no model and no dataset")
    output = arguments.options.get("output")
    judgement = folder_evaluation(generated, real, output=output, overrides=arguments.overrides())
    (show_plan if "dry_run" in arguments.switches else run_stages)(judgement.stages())


def _generate(arguments: Arguments) -> None:
    checkpoint, face, audio, output = (_need(arguments, name) for name in ("checkpoint", "face", "audio", "output"))
    from talkingface.quick_start.use import generate_video

    done = generate_video(
        checkpoint,
        face=face,
        audio=audio,
        output=output,
        model=arguments.options.get("model"),
        overrides=arguments.overrides(),
    )
    missing = f", {done.faces_missing} without a face left as they were" if done.faces_missing else ""
    missing += f", {done.meshes_missing} sketched as the nearest frame with a mesh" if done.meshes_missing else ""
    print(f"{output}: {done.frames} frames at {done.fps:g} fps{missing}, in {done.elapsed:.1f} s")


def _list(arguments: Arguments) -> None:
    if "runs" in arguments.switches:
        from talkingface.report.compare import list_runs

        print("\n".join(list_runs(arguments.flags.get("saved_dir", "saved"))))
        return
    from talkingface.config.loader import profiles

    print("models")
    for name in catalog.model_names():
        print(f"  {name:16} {catalog.model_row(name).description}")
    print("datasets (or the folder of your videos)")
    for name in resolve.dataset_names():
        print(f"  {name:16} {catalog.dataset_row(name).description}")
    print(f"profiles\n  {', '.join(profiles())}")


def _compare(arguments: Arguments) -> None:
    from talkingface.report.compare import compare

    done = compare(arguments.words[1:], arguments.flags.get("saved_dir", "saved"))
    print(f"{done.table}\n{done.path}")


TAKES_WORDS = ("compare",)
"""Commands that take more words than their own."""
COMMANDS: dict[str, Callable[[Arguments], None]] = {
    "run": _run,
    "prepare": _prepare,
    "train": _train,
    "evaluate": _evaluate,
    "generate": _generate,
    "list": _list,
    "compare": _compare,
    "check": _check,
}
