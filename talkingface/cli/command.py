"""What a row about a command says, and the options that many commands have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from talkingface.cli.arguments import Arguments


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command."""

    line: str
    """What it does, in a line."""
    text: str
    """What it does, reads and writes, in paragraphs."""
    examples: tuple[str, ...]
    """Command lines without the program's name."""
    usage: str
    """What follows the program's name and the command's."""
    options: Mapping[str, str]
    """Flags of its own -> what they say; configuration keys are keys.py's."""
    call: Callable[[Arguments], None]
    refused: Mapping[str, str] = field(default_factory=dict)
    """Options of other commands that deserve an answer of their own."""
    takes_words: bool = False
    """Whether words may follow the command's."""
    of_model: bool = False
    """Whether it works on a model and a dataset, which a file of --config_files may name too."""
    computes: bool = False
    """Whether its time goes into tensors."""


MODEL = "the model: {models}"
DATASET = "the dataset: {datasets}; or the folder of your videos"
LAYERS = {
    "config_files": "YAML files of your own or of runs, later ones win; model and dataset may stand there too",
    "profile": "ready settings for each model of a chain: {profiles}; or none",
}
PLAN = {
    "dry_run": "look whether everything is there, print the plan with its reasons, write nothing",
    "print_config": "print every configuration key with its value and the layer that set it; do nothing else",
}
