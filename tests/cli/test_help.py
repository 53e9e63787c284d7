"""The help of the program and of each command: complete, true, and readable on a terminal."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from talkingface import catalog
from talkingface.cli.arguments import OPTIONS, SWITCHES, flag, parse
from talkingface.cli.help import EXIT_CODES
from talkingface.cli.keys import TAKES, keys_of
from talkingface.cli.program import check_arguments, main
from talkingface.cli.rows import COMMANDS
from talkingface.config.foreign_keys import FOREIGN
from talkingface.config.schema import RunConfig
from talkingface.config.typed import field_types

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def shown(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(argv) == 0
    return capsys.readouterr().out


def test_the_programs_help_names_every_command_and_exit_code(capsys: pytest.CaptureFixture[str]):
    out = shown(capsys, "--help")
    for name, row in COMMANDS.items():
        assert f"\n  {name} " in out and row.line.split()[0] in out
    for code in ("0", "2", "130"):
        assert f"\n  {code} " in out and code in EXIT_CODES
    assert out == shown(capsys, "help") == shown(capsys, "-h")


@pytest.mark.parametrize("word", COMMANDS)
def test_a_commands_help_has_its_options_and_keys(word: str, capsys: pytest.CaptureFixture[str]):
    out = shown(capsys, word, "--help")
    assert out == shown(capsys, "help", word) == shown(capsys, "--help", word)
    assert all(f"{flag(name)} " in out for name in COMMANDS[word].options)
    options = out[out.index("\noptions\n") :]
    others = [name for name in (*OPTIONS, "runs") if name not in COMMANDS[word].options]
    assert not any(f"\n  {flag(name)} " in options for name in others)
    if word in TAKES:
        assert all(key in out for group in TAKES[word].groups for key in keys_of(group))
    assert "Reads" in out and "Writes" in out and "exit codes" in out
    unfilled = out.replace("dataset/NAME/{filelist,preprocessed_data,packed}", "")
    assert "{" not in unfilled, "a name that was not filled in"


@pytest.mark.parametrize("word", COMMANDS)
def test_every_command_has_two_examples_that_it_would_take(word: str):
    row = COMMANDS[word]
    assert len(row.examples) >= 2 and "dry_run" in row.options
    for example in row.examples:
        arguments = parse(example.split())
        given, *rest = arguments.words or ("run",)
        assert given == word
        check_arguments(word, rest, arguments)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("word", ["", *COMMANDS])
def test_lines_are_no_longer_than_the_terminal(
    word: str, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """But for examples, which are there to be copied."""
    monkeypatch.setenv("COLUMNS", str(width))
    for line in shown(capsys, *([word] if word else []), "--help").splitlines():
        assert len(line) <= width or line.startswith("  python run_talkingface.py "), line


def test_the_installed_script_calls_itself_by_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("sys.argv", ["/usr/bin/talkingface"])
    out = shown(capsys, "help", "train")
    assert out.startswith("usage: talkingface train ") and "run_talkingface" not in out


def test_switches_and_options_are_each_taken_by_a_command():
    taken = {name for row in COMMANDS.values() for name in row.options}
    assert taken == {*OPTIONS, *SWITCHES} - {"help"}


PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_commands_on_the_pages_are_ones_that_the_program_takes(page: Path):
    for line in re.findall(r"run_talkingface\.py ([^`\n]*)", page.read_text(encoding="utf-8")):
        typed = shlex.split(re.sub(r"<[^>]*>", "NAME", line).replace("--dataset=...", "--dataset=NAME"), comments=True)
        arguments = parse([one for one in typed if one != "..."])
        word, *rest = arguments.words or ("run",)
        if word == "help":
            continue
        assert word in COMMANDS, line
        check_arguments(word, rest, arguments)


ELSEWHERE = {"append", "deps", "logdir", "nnodes", "nproc_per_node", "shm_size"}
"""Flags of pip, TensorBoard, W&B, torchrun and containers that the pages name."""


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_flags_that_the_pages_name_are_keys_or_options(page: Path):
    kinds = [field_types(catalog.load(row.config)) for row in (*catalog.DATASETS, catalog.VIDEOS)]
    known = {*OPTIONS, *SWITCHES, *FOREIGN, *ELSEWHERE, *field_types(RunConfig), *catalog.all_model_keys()}
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"`python -m benchmarks[^`]*`", "", text)
    flags = re.findall(r"`(?:[^`\n]* )?--(?:no-)?([A-Za-z][\w-]*)", text)
    assert not {name.replace("-", "_") for name in flags} - known.union(*kinds)
