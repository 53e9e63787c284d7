"""The help: of the program, and of each command, as wide as the terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from talkingface import catalog
from talkingface.catalog import resolve
from talkingface.cli.arguments import OPTIONS, SHORT, flag
from talkingface.cli.keys import TAKES, keys_of
from talkingface.cli.rows import COMMANDS
from talkingface.cli.text import columns, hanging, table
from talkingface.config.loader import profiles
from talkingface.config.schema import DatasetConfig, ModelConfig, RunConfig

USES = {
    "prepare": ("prepare --model",),
    "evaluate": ("evaluate --checkpoint", "evaluate --generated"),
}
"""Command -> the rows of `TAKES` that say its keys, where those are several or not the command's own."""
EXIT_CODES = {
    "0": "done",
    "2": "something that you gave cannot be used; the message says what was wanted",
    "3": "the disk is full or cannot be written to; what stood there is whole",
    "4": "a training's loss or gradient is not finite; its checkpoints are whole",
    "130": "interrupted (Ctrl-C); the same command goes on where it was",
    "143": "ended by SIGTERM, 129 by SIGHUP, 138 by SIGUSR1: likewise; a training has saved its last step",
    "141": "the output's reader has gone (`| head`)",
}


def program() -> str:
    """How the program was called: as the installed script, or from the repository."""
    return "talkingface" if Path(sys.argv[0]).stem == "talkingface" else "python run_talkingface.py"


def overview() -> str:
    """What `--help` shows."""
    width = columns()
    common = {**COMMANDS["run"].options, "checkpoint": COMMANDS["evaluate"].options["checkpoint"]}
    commands = {name: row.line for name, row in COMMANDS.items()}
    parts = [
        hanging(f"usage: {program()} [COMMAND] ", COMMANDS["run"].usage, width, indent=4),
        "",
        *table("commands", {**commands, "help": "what a command does: help COMMAND, or COMMAND --help"}, width),
        "",
        "options of most commands",
        *_options(common, width),
        hanging(f"  {'--KEY=VALUE':22}", "any configuration key: --epochs=5 --device=cpu --train_batch_size 8", width),
        "",
        *_examples(("--model=HyperLipsBase --dataset=demo", "train --help")),
        "",
        *table("exit codes", EXIT_CODES, width),
    ]
    return "\n".join(parts) + "\n"


def help_of(word: str) -> str:
    """What `COMMAND --help` shows."""
    row, width = COMMANDS[word], columns()
    parts = [hanging(f"usage: {program()} {word} ", row.usage, width, indent=4), ""]
    for paragraph in row.text.split("\n\n"):
        parts += [hanging("", paragraph, width), ""]
    parts += [*_examples(row.examples), "", "options", *_options(row.options, width), ""]
    parts += [*_keys(word, width), "", *table("exit codes", EXIT_CODES, width)]
    return "\n".join(parts) + "\n"


def _examples(examples: tuple[str, ...]) -> list[str]:
    """Command lines, never broken, so that they can be copied."""
    return ["examples", *(f"  {program()} {one}" for one in examples)]


def _options(options: Mapping[str, str], width: int) -> list[str]:
    names = {
        "models": ", ".join(catalog.model_names()),
        "drawing": ", ".join(name for name in catalog.model_names() if catalog.model_row(name).makes_video),
        "datasets": ", ".join(resolve.dataset_names()),
        "profiles": ", ".join(profiles()),
    }
    letters = {name: letter for letter, name in SHORT.items()}
    lines = []
    for name, text in {**options, "help": "this page"}.items():
        head = f"{flag(name)} {OPTIONS[name]}" if name in OPTIONS else flag(name)
        head = f"-{letters[name]}, {head}" if name in letters else head
        lines.append(hanging(f"  {head:22}" if len(head) < 22 else f"  {head}  ", text.format(**names), width))
    return lines


def _keys(word: str, width: int) -> list[str]:
    """The configuration keys that a command takes, in groups."""
    lines: list[str] = []
    for use in USES.get(word, (word,)):
        taken = TAKES.get(use)
        title = f"configuration keys of {use}" if len(USES.get(word, ())) > 1 else "configuration keys"
        lines += ["", title] if lines else [title]
        groups = {group: keys_of(group) for group in taken.groups} if taken else _every_key()
        for group, keys in groups.items():
            lines.append(hanging(f"  {group}: ", ", ".join(keys), width, indent=4))
    if word == "evaluate":
        lines += ["", hanging("", "Without --checkpoint every key is taken: they say which run is meant.", width)]
    if word not in ("list", "compare"):
        text = f"Each is a flag, --KEY=VALUE. `{program()} {word} ... --print-config` shows their values."
        lines += ["", hanging("", text, width)]
    return lines


def _every_key() -> dict[str, tuple[str, ...]]:
    parts = {"run": RunConfig, "dataset": DatasetConfig, "model": ModelConfig}
    found = {part: tuple(one.name for one in fields(schema)) for part, schema in parts.items()}
    own = "and those of the model and the dataset alone, which --print-config shows"
    return {**found, "model": (*found["model"], own)}
