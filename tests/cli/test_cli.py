"""The program as its users meet it: flags, messages, exit codes, speed of the light commands."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from talkingface.cli.arguments import parse
from talkingface.cli.commands import MORE
from talkingface.cli.program import main
from talkingface.cli.rows import COMMANDS
from talkingface.utils import allocator
from talkingface.utils.errors import UserError

PROGRAM = Path(__file__).resolve().parents[2] / "run_talkingface.py"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def program(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(PROGRAM), *argv], capture_output=True, text=True, timeout=60)


def test_flags_are_read_in_every_spelling():
    found = parse(
        ["train", "-m", "A", "--dataset=b", "--epochs", "5", "--batch-size=2", "--config_files", "x.yaml", "y.yaml",
         "--shift", "-1", "--dry-run", "--evaluate_model_file", "z.pth"]
    )  # fmt: skip
    assert found.words == ("train",) and found.switches == {"dry_run"}
    assert found.options == {"model": "A", "dataset": "b", "config_files": "x.yaml y.yaml", "checkpoint": "z.pth"}
    assert found.flags == {"epochs": "5", "batch_size": "2", "shift": "-1"}
    assert found.overrides().files == ("x.yaml", "y.yaml")
    assert parse(["--config_files=x.yaml,y.yaml", "--a=b=c", "--e="]).flags == {"a": "b=c", "e": ""}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--epochs"], "--epochs: needs a value"),
        (["--epochs", "--model=A"], "--epochs: needs a value"),
        (["-x", "1"], "-x: unknown flag; the short ones are -m, -d"),
        (["--seed=1", "--seed=2"], "--seed: given twice, '1' and '2'"),
        (["--dry-run=yes"], "--dry-run: takes no value, got 'yes'"),
    ],
)
def test_flags_that_cannot_be_read(argv: list[str], message: str):
    with pytest.raises(UserError) as caught:
        parse(argv)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--model=HyperLipsBas", "-d", "demo"], "unknown model 'HyperLipsBas'; did you mean 'HyperLipsBase'?"),
        (["--model=HyperLipsBase"], "--dataset: needed; known: demo"),
        (["--dataset=demo"], "--model: needed; known: HyperLipsBase, HyperLipsHR, "),
        (["--model=HyperLipsBase", "-d", "nowhere"], "unknown dataset 'nowhere'"),
        (["trian"], "unknown command 'trian'; did you mean 'train'?"),
        (["train", "MEAD"], "MEAD: not understood; flags begin with two dashes (see train --help)"),
        (["-m", "SyncNet", "-d", "demo", "--config_files=no.yaml"], "no.yaml: cannot be read (No such file"),
        (["-m", "SyncNet", "-d", "demo", "--device=gpu"], "device: got 'gpu', wanted auto, cpu, cuda"),
        (["generate"], "--checkpoint: needed (see generate --help)"),
        (["evaluate", "--model=SyncNet"], "--dataset: needed; known: demo"),
        (["evaluate", "--checkpoint=a", "--output=b"], "--output: only with --generated and --real"),
        (["evaluate", "--generated=a"], "--real: needed"),
        (["evaluate", "--generated=a", "--real=b", "-m", "SyncNet"], "--model: not with --generated and --real"),
        (["evaluate", "--generated=a", "--real=b", "--profile=quick"], "--profile: not with --generated and --real"),
        (["compare", "a", "b"], "compare: a: no such run; in saved/ are none"),
        (["help", "trian"], "unknown command 'trian'; did you mean 'train'?"),
        (["generate", "--checkpoint=a", "--face=b", "--audio=c", "--output=d.mp4"], "--face=b: no such file"),
    ],
)
def test_mistakes_end_with_one_message_and_code_2(
    argv: list[str], message: str, here: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.startswith("error: ")
    assert captured.out == "" and not list(here.iterdir())


def test_several_mistakes_come_together(capsys: pytest.CaptureFixture[str]):
    assert main(["-m", "SyncNet", "-d", "demo", "--epohcs=5", "--fps=x", "--precision=fp8"]) == 2
    err = capsys.readouterr().err
    assert "3 problems" in err
    assert "epohcs: unknown key (command line); did you mean 'epochs'?" in err
    assert "fps: wanted a whole number, got 'x' (command line)" in err
    assert "precision: wanted one of auto, fp32, tf32, bf16, fp16; got 'fp8' (command line)" in err


def test_the_light_commands_are_quick_and_import_no_torch(here: Path):
    for argv in (["--help"], ["-m", "HyperLipsBase", "-d", "demo", "--print-config"], ["list"]):
        began = time.monotonic()
        done = program(*argv)
        assert done.returncode == 0 and done.stderr == ""
        assert time.monotonic() - began < 20  # a hung machine, not a speed test; see the import check below
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1))\n"
        "from talkingface.cli.program import main; main(sys.argv[1:])\n"
        "print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    argv = [str(PROGRAM.parent), "-m", "HyperLipsBase", "-d", "demo", "--print-config"]
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "False False"
    assert not list(here.iterdir())


def test_print_config_names_the_layers(capsys: pytest.CaptureFixture[str]):
    assert main(["-m", "HyperLipsBase", "-d", "demo", "--print-config", "--seed=3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "# HyperLipsBase on demo, profile quick"
    (seed,) = (line for line in lines if line.startswith("seed:"))
    assert seed.split("#")[0].strip() == "seed: 3" and seed.endswith("# command line")
    (size,) = (line for line in lines if line.startswith("img_size:"))
    assert "properties/profile/quick/" in size


def test_the_program_itself(here: Path):
    done = program("--model=HyperLipsBase", "--dataset=nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: unknown dataset 'nowhere'") and "Traceback" not in done.stderr
    assert program("help").stdout.startswith("usage: python run_talkingface.py")
    assert not list(here.iterdir())


def test_interruption_ends_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def interrupted(arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(COMMANDS, "run", replace(COMMANDS["run"], call=interrupted))
    assert main([]) == 130
    assert "the same command continues" in capsys.readouterr().err


def test_the_allocator_setting_is_for_cpu_runs_whose_user_has_not_chosen(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(allocator.sys, "platform", "linux")
    monkeypatch.setattr(allocator.platform, "libc_ver", lambda: ("glibc", "2.35"))
    assert allocator.helps("cpu", {})
    assert not allocator.helps("cuda", {})
    assert not allocator.helps("cpu", {"MALLOC_MMAP_MAX_": "1"})
    assert not allocator.helps("cpu", {allocator.GUARD: "set"})
    monkeypatch.setattr(allocator.platform, "libc_ver", lambda: ("", ""))
    assert not allocator.helps("cpu", {})


def test_the_process_is_never_replaced_where_that_would_end_it(monkeypatch: pytest.MonkeyPatch):
    """On Windows `os.execve` starts a second process and ends the first, which the shell takes for the end."""
    started: list[object] = []
    monkeypatch.setattr(allocator.os, "execve", lambda *command: started.append(command))
    for name in (*allocator.SETTING, allocator.GUARD):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(allocator.platform, "libc_ver", lambda: ("glibc", "2.35"))
    for platform in ("win32", "darwin"):
        monkeypatch.setattr(allocator.sys, "platform", platform)
        allocator.restart_with_setting("cpu")
    assert not started
    monkeypatch.setattr(allocator.sys, "platform", "linux")
    allocator.restart_with_setting("cpu")
    assert len(started) == 1


@pytest.mark.parametrize(
    ("argv", "restarts"),
    [
        (["train", "-m", "SyncNet", "-d", "nowhere", "--device=cpu"], ["cpu"]),
        (["train", "-m", "SyncNet", "-d", "nowhere", "--dry-run"], []),
        (["train", "-m", "SyncNet", "-d", "nowhere", "--face=x"], []),
        (["list"], []),
    ],
)
def test_only_what_computes_is_started_again(argv: list[str], restarts: list[str], monkeypatch: pytest.MonkeyPatch):
    seen: list[str] = []
    monkeypatch.setattr("talkingface.cli.program.restart_with_setting", seen.append)
    monkeypatch.setattr(sys, "argv", ["run_talkingface.py", *argv])
    main()
    assert seen == restarts
    seen.clear()
    main(argv)
    assert not seen, "a function call never replaces the process"


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's setting")
def test_the_second_start_is_the_same_command_with_the_setting(here: Path):
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from talkingface.utils.allocator import restart_with_setting\n"
        "restart_with_setting('cpu'); print(os.environ.get('MALLOC_MMAP_MAX_'), sys.argv[2:])"
    )
    environment = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(PROGRAM.parent), "a b", "--c"], capture_output=True, text=True, env=environment
    )
    wanted = "0" if allocator.helps("cpu", environment) else "None"
    assert done.stdout == f"{wanted} ['a b', '--c']\n"


def test_a_reader_that_has_gone_ends_the_program_quietly():
    """As in `list | head -1`: no traceback, no message."""
    started = subprocess.Popen([sys.executable, str(PROGRAM), "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert started.stdout is not None and started.stderr is not None
    started.stdout.close()
    error = started.stderr.read()
    assert (started.wait(60), error) == (141, b"")


def test_a_broken_pipe_of_our_own_is_not_taken_for_that(monkeypatch: pytest.MonkeyPatch):
    def broken(arguments: object) -> None:
        raise BrokenPipeError("a worker")

    monkeypatch.setitem(COMMANDS, "run", replace(COMMANDS["run"], call=broken))
    with pytest.raises(BrokenPipeError, match="a worker"):
        main([])


def test_letters_that_the_terminal_lacks_do_not_end_the_program(here: Path):
    """Consoles of Windows have no arrows and dashes of ours."""
    command = [sys.executable, str(PROGRAM), "-m", "SyncNet", "-d", "demo", "--saved_dir=größe", "--print-config"]
    done = subprocess.run(command, capture_output=True, timeout=60, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0 and b"saved_dir: gr??e" in done.stdout.replace(b'"', b"")


def test_list_says_where_to_read_more(capsys: pytest.CaptureFixture[str]):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    for page in MORE:
        assert page in out and (PROGRAM.parent / page).is_file()
    assert all(title in out for title in ("models\n", "datasets (", "profiles (", "quick", "read more\n"))


@pytest.mark.parametrize("flag", ["--saved_dir=~/mine", "--checkpoint_dir=~/mine"])
def test_runs_are_looked_for_where_the_user_says(
    flag: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(Path, "expanduser", lambda path: Path(str(path).replace("~", "home")))
    assert main(["list", "--runs", flag]) == 0
    assert capsys.readouterr().out == f"no runs in {Path('home/mine')}/\n"
