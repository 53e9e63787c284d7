"""What each command calls: one function a command, from the command line to the functions of the toolkit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from talkingface import catalog
from talkingface.catalog import resolve
from talkingface.cli.arguments import Arguments
from talkingface.cli.text import columns, is_terminal, table
from talkingface.config.foreign_keys import ALIASES
from talkingface.config.loader import profiles
from talkingface.config.running import RESUME
from talkingface.utils.errors import UserError

if TYPE_CHECKING:
    pass


def run(arguments: Arguments) -> None:
    """`run`, and with `--checkpoint`, as `--evaluate_model_file` is known, `evaluate`."""
    if "checkpoint" in arguments.options:
        evaluate(arguments)
        return
    from talkingface.quick_start import run

    run(*to_train(arguments), overrides=arguments.overrides(), dry_run=arguments.dry_run)


def prepare(arguments: Arguments) -> None:
    """`prepare`, with the packing that a model wants where one is named."""
    from talkingface.chain.chain import carry_out, carry_out_data, make_chain

    if "model" in arguments.options:
        chain = make_chain(*model_and_dataset(arguments), arguments.overrides())
        carry_out(chain, "prepare", dry_run=arguments.dry_run)
    else:
        carry_out_data(need(arguments, "dataset"), arguments.overrides(), dry_run=arguments.dry_run)


def train(arguments: Arguments) -> None:
    """`train`."""
    from talkingface.quick_start import train

    train(*to_train(arguments), overrides=arguments.overrides(), dry_run=arguments.dry_run)


def repeat(arguments: Arguments) -> None:
    """`repeat`: several seeds, and their table."""
    from talkingface.chain.repeat import repeat

    done = repeat(
        *model_and_dataset(arguments),
        arguments.overrides(),
        seeds=_whole_numbers(arguments, "seeds"),
        against=arguments.options.get("against"),
        dry_run=arguments.dry_run,
    )
    if done is not None:
        print(f"\n{done.table}\n{done.path}")


def search(arguments: Arguments) -> None:
    """`search`: the best values of a space."""
    from talkingface.chain.objective import LOSS
    from talkingface.chain.search import search

    model, dataset = model_and_dataset(arguments)
    numbers = _whole_numbers(arguments, "trials") if "trials" in arguments.options else [20]
    search(
        model,
        dataset,
        arguments.overrides(),
        space=need(arguments, "space"),
        trials=numbers[0] if len(numbers) == 1 else 0,
        objective=arguments.options.get("objective", LOSS),
        dry_run=arguments.dry_run,
    )


def check(arguments: Arguments) -> None:
    """`check`: the plan of `run`."""
    from talkingface.quick_start import run

    run(*to_train(arguments), overrides=arguments.overrides(), dry_run=True)


def evaluate(arguments: Arguments) -> None:
    """`evaluate`, of weights or of two folders of videos."""
    given = arguments.options
    if "generated" in given or "real" in given:
        _evaluate_folders(arguments)
        return
    if "output" in given:
        raise UserError(
            "--output: only with --generated and --real; the evaluation of a checkpoint lies beside it, in its run"
        )
    if "checkpoint" not in given:
        model_and_dataset(arguments)
    from talkingface.quick_start import evaluate

    evaluate(
        given.get("model"),
        given.get("dataset"),
        checkpoint=given.get("checkpoint"),
        overrides=arguments.overrides(),
        dry_run=arguments.dry_run,
    )


def _evaluate_folders(arguments: Arguments) -> None:
    generated, real = (need(arguments, name) for name in ("generated", "real"))
    for name in ("checkpoint", "model", "dataset", "profile"):
        if name in arguments.options:
            raise UserError(f"--{name}: not with --generated and --real, which need no model and no dataset")
    from talkingface.chain.evaluate_folders import folder_evaluation
    from talkingface.chain.stage import run_stages, show_plan

    output = arguments.options.get("output")
    evaluation = folder_evaluation(generated, real, output=output, overrides=arguments.overrides())
    (show_plan if arguments.dry_run else run_stages)(evaluation.stages())


def generate(arguments: Arguments) -> None:
    """`generate`."""
    checkpoint, face, audio, output = (need(arguments, name) for name in ("checkpoint", "face", "audio", "output"))
    model, overrides = arguments.options.get("model"), arguments.overrides()
    if arguments.dry_run:
        from talkingface.cli.dubbing_plan import plan_dubbing

        for line in plan_dubbing(checkpoint, face=face, audio=audio, output=output, model=model, overrides=overrides):
            print(line)
        return
    from talkingface.quick_start import generate_video

    done = generate_video(checkpoint, face=face, audio=audio, output=output, model=model, overrides=overrides)
    missing = f", {done.faces_missing} without a face left as they were" if done.faces_missing else ""
    missing += f", {done.faces_bridged} drawn across short gaps of the detection" if done.faces_bridged else ""
    missing += f", {done.meshes_missing} sketched as the nearest frame with a mesh" if done.meshes_missing else ""
    print(f"{output}: {done.frames} frames at {done.fps:g} fps{missing}, in {done.elapsed:.1f} s")


MORE = {
    "README.md": "the toolkit in five minutes",
    "docs/data.md": "your own videos, and what is made of them",
    "docs/models.md": "each model: its recipe, what to expect, what it needs",
    "docs/evaluation.md": "what an evaluation does, and what its numbers mean",
    "docs/runs.md": "many trainings: names, lists, comparisons, repeats, searches",
    "docs/add_a_model.md": "a model of your own",
    "docs/faq.md": "when something goes wrong",
}
"""Pages that `list` points to."""


def list_rows(arguments: Arguments) -> None:
    """`list`: what there is, or with `--runs` what has been trained."""
    if "runs" in arguments.switches:
        from talkingface.report.run_list import list_runs

        print("\n".join(list_runs(_saved_dir(arguments), width=columns() if is_terminal() else None)))
        return
    tables = {
        "models": {name: catalog.model_row(name).description for name in catalog.model_names()},
        "datasets (or the folder of your videos)": {
            name: catalog.dataset_row(name).description for name in resolve.dataset_names()
        },
        "profiles (ready settings for each model)": dict.fromkeys(profiles(), ""),
        "read more": {"COMMAND --help": "what a command does, reads and writes; its options and keys", **MORE},
    }
    for title, one in tables.items():
        print("\n".join(table(title, one, columns())))


def compare(arguments: Arguments) -> None:
    """`compare`: runs side by side on one page, and their table."""
    from talkingface.report.compare import compare

    done = compare(arguments.words[1:], _saved_dir(arguments), dry_run=arguments.dry_run)
    print(f"{done.table}\n{'would write ' if arguments.dry_run else ''}{done.path}")


def _saved_dir(arguments: Arguments) -> str:
    """The folder of runs, where no configuration is read; also under the name that talkingface-toolkit gives it."""
    given = {ALIASES.get(key, key): value for key, value in arguments.flags.items()}
    return str(Path(given.get("saved_dir", "saved")).expanduser())


def _whole_numbers(arguments: Arguments, option: str) -> list[int]:
    """The value of an option as numbers with commas between them."""
    text = need(arguments, option)
    try:
        return [int(one) for one in text.replace(",", " ").split()]
    except ValueError:
        raise UserError(f"--{option}: wanted whole numbers with commas between them, got {text!r}") from None


def model_and_dataset(arguments: Arguments) -> tuple[str, str]:
    """The model and the dataset, both needed."""
    return need(arguments, "model"), need(arguments, "dataset")


def to_train(arguments: Arguments) -> tuple[str | None, str | None]:
    """Model and dataset, which a run that `resume` names knows itself."""
    if arguments.flags.get("resume", "auto") in RESUME:
        return model_and_dataset(arguments)
    return arguments.options.get("model"), arguments.options.get("dataset")


def need(arguments: Arguments, option: str) -> str:
    """The value of an option that the command cannot do without."""
    if option in arguments.options:
        return arguments.options[option]
    known = {"model": catalog.model_names, "dataset": resolve.dataset_names}
    choices = f"; known: {', '.join(known[option]())}" if option in known else ""
    raise UserError(f"--{option}: needed{choices} (see {' '.join([*arguments.words[:1], '--help'])})")
