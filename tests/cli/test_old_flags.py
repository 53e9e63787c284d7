"""Flags of the commands of HyperLips, Wav2Lip and talkingface-toolkit, given to ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from talkingface.catalog import resolve as resolving
from talkingface.cli.arguments import parse
from talkingface.cli.keys import idle_keys
from talkingface.cli.program import main
from talkingface.utils.errors import UserError

DUB = "generate -m Wav2Lip --checkpoint_path w.pth --face a.mp4 --audio b.wav --outfile o.mp4"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    resolving._tell_once.cache_clear()
    return tmp_path


def test_a_command_of_wav2lip_is_one_of_generate():
    flags = (
        "--pads 0 20 0 0 --nosmooth --resize_factor 1 --wav2lip_batch_size 64 --face_det_batch_size 8 --crop 0 -1 0 -1"
    )
    found = parse(f"{DUB} {flags} --rotate --static True --face_det_batch_size 8".split())
    assert found.words == ("generate",)
    assert found.options == {
        "model": "Wav2Lip", "checkpoint": "w.pth", "face": "a.mp4", "audio": "b.wav", "output": "o.mp4"
    }  # fmt: skip
    assert found.flags["pads"] == "0 20 0 0" and found.flags["nosmooth"] == "true"
    assert found.flags["crop"] == "0 -1 0 -1" and found.flags["static"] == "True"
    assert idle_keys("generate", found) == []


def test_the_two_weights_of_hyperlips():
    both = parse(["generate", "--checkpoint_path_BASE=b.pth", "--checkpoint_path_HR", "h.pth"])
    assert (both.options, both.flags) == ({"checkpoint": "h.pth"}, {"base_checkpoint": "b.pth"})
    base = parse(["generate", "--checkpoint_path_BASE=b.pth"])
    assert (base.options, base.flags) == ({"checkpoint": "b.pth"}, {})


def test_one_option_under_two_names():
    assert parse(["--outfile=a.mp4", "-o", "a.mp4"]).options == {"output": "a.mp4"}
    with pytest.raises(UserError, match=r"--outfile: is --output here, which is given too, as 'b\.mp4'"):
        parse(["--outfile=a.mp4", "-o", "b.mp4"])


def test_print_config_of_an_old_command(capsys: pytest.CaptureFixture[str]):
    argv = "-m Wav2Lip -d demo --profile none --gpu_id= --learner AdamW --loss_decimal_place 4 --checkpoint_dir there"
    assert main([*argv.split(), "--print-config"]) == 0
    text = capsys.readouterr().out
    for line in ("device: cpu", "optimizer: adamw", "saved_dir: there"):
        assert f"\n{line} " in text
    assert "# command line: learner: AdamW is optimizer: adamw\n" in text
    assert "# command line: without effect here: loss_decimal_place: " in text


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (f"{DUB} --lr=1", "--lr: does nothing for generate, whose weights are trained already"),
        (f"{DUB} --nepochs=1", "--nepochs: does nothing for generate, whose weights are trained already"),
        ("list --state=INFO", "--state: does nothing for list, which reads saved_dir and no other key"),
        (
            "-m Wav2Lip -d demo --resize_factor=2 --print-config",
            "resize_factor: 1 here and nothing else, got 2 (command",
        ),
        (
            "-m Wav2Lip -d demo --box 1 2 3 4 --print-config",
            "box: [-1, -1, -1, -1] here and nothing else, got 1 2 3 4 (",
        ),
        ("-m SyncNet -d demo --disc_wt=1 --print-config", "disc_wt: unknown key (command line)"),
        ("prepare -d demo --outfile=o.mp4", "--output: not an option of prepare; "),
    ],
)
def test_what_does_not_work_is_one_line(argv: str, message: str, capsys: pytest.CaptureFixture[str]):
    assert main(argv.split()) == 2
    found = capsys.readouterr().err
    assert found.startswith(f"error: {message}") and found.count("\n") == 1
