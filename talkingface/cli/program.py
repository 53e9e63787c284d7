"""The program behind `run_talkingface.py` and `talkingface`: reads the command line, checks it, calls the command.

Exit codes are listed in help.py. Errors that are the user's to mend are one message on stderr; a full disk is one for
whatever was being written.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from talkingface import catalog
from talkingface.cli.arguments import Arguments, flag, parse, with_names_of_files
from talkingface.cli.configuration import print_config
from talkingface.cli.keys import idle_keys
from talkingface.cli.rows import COMMANDS
from talkingface.utils.allocator import restart_with_setting
from talkingface.utils.errors import UserError
from talkingface.utils.files import as_disk_error

READER_GONE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code.

    Args:
        argv: what follows the program's name. Only without it, as a program of its own, may the process be started
            again with a better allocator setting (see utils/device.py).
    """
    try:
        if argv is None:
            _set_streams()
        _dispatch(parse(sys.argv[1:] if argv is None else argv), may_restart=argv is None)
        sys.stdout.flush()
        return 0
    except UserError as error:
        return _tell(error)
    except KeyboardInterrupt:
        print("\nstopped; the same command continues from here", file=sys.stderr)
        return 130
    except BrokenPipeError:
        if not _reader_is_gone():
            raise
        return READER_GONE
    except OSError as error:
        full = as_disk_error(error, error.filename)
        if full is None:
            raise
        return _tell(full)


def _tell(error: UserError) -> int:
    """One message; returns the exit code."""
    print(f"error: {_counted(str(error))}", file=sys.stderr)
    return error.exit_code


def _set_streams() -> None:
    """Lines reach a file or a pipe as they are written; letters that a terminal does not have become `?`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="replace")


def _reader_is_gone() -> bool:
    """Whether it is stdout whose pipe is broken, not one to a process of ours; then nothing is written to it again."""
    try:
        print(flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _counted(message: str) -> str:
    """One problem as it stands, several under their number."""
    lines = message.splitlines()
    return message if len(lines) == 1 else "\n  ".join([f"{len(lines)} problems", *lines])


def _dispatch(arguments: Arguments, *, may_restart: bool) -> None:
    word, *rest = arguments.words or ("run",)
    if word == "help" or "help" in arguments.switches:
        _show_help(*(rest if word == "help" else arguments.words)[:1])
        return
    _need_command(word)
    check_arguments(word, rest, arguments)
    row = COMMANDS[word]
    if row.of_model and not {"checkpoint", "generated", "real"} & arguments.options.keys():
        arguments = with_names_of_files(arguments)
    if "print_config" in arguments.switches:
        print_config(arguments)
        return
    if may_restart and row.computes and not arguments.dry_run:
        restart_with_setting(arguments.flags.get("device", "auto"))
    row.call(arguments)


def _show_help(word: str = "help") -> None:
    from talkingface.cli.help import help_of, overview

    if word == "help":
        print(overview(), end="")
        return
    _need_command(word)
    print(help_of(word), end="")


def _need_command(word: str) -> None:
    if word not in COMMANDS:
        raise UserError(catalog.unknown("command", word, [*COMMANDS, "help"]))


def check_arguments(word: str, rest: Sequence[str], arguments: Arguments) -> None:
    """Refuse what the command does not take.

    Raises:
        UserError: a line for each word, option and configuration key that means nothing to it.
    """
    row, problems = COMMANDS[word], []
    if rest and not row.takes_words:
        problems.append(f"{' '.join(rest)}: not understood; flags begin with two dashes (see {word} --help)")
    for name in (*arguments.options, *sorted(arguments.switches)):
        if name in row.refused:
            problems.append(f"{flag(name)}: {row.refused[name]}")
        elif name not in row.options:
            takers = [other for other, one in COMMANDS.items() if name in one.options]
            named = " and ".join(filter(None, [", ".join(takers[:-1]), takers[-1]]))
            problems.append(
                f"{flag(name)}: not an option of {word}; {named} {'takes' if len(takers) == 1 else 'take'} it"
            )
    problems += idle_keys(word, arguments)
    if problems:
        raise UserError("\n".join(problems))
