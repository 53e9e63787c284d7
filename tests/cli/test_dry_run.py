"""`--dry-run` of every command says what it would do and leaves every file as it is."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from talkingface import catalog
from talkingface.catalog.resolve import choose_dataset, resolve
from talkingface.cli.program import main
from talkingface.cli.rows import COMMANDS
from talkingface.config.loader import Overrides
from talkingface.config.plain import to_plain
from talkingface.demo.config import DemoConfig
from talkingface.model.checkpoint import save_checkpoint
from talkingface.model.trained import build_network
from talkingface.trainer.run_folder import RunFolder
from talkingface.utils.media.audio import write_wav

Files = dict[str, tuple[int, int]]


def files(*folders: Path) -> Files:
    """Every file and folder with its size and time of change."""
    found = [path for folder in folders for path in folder.rglob("*") if "__pycache__" not in path.parts]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


@pytest.fixture
def trained(murmur: str, tiny_clips: DemoConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run on rendered clips and a copy of it, as if trained, and a sound of 3 s; in the working folder."""
    monkeypatch.chdir(tmp_path)
    flags = {"filelist_root": tiny_clips.filelist_root, "img_size": 64}
    overrides = Overrides(flags=flags, profile="none")
    config = resolve(murmur, choose_dataset(tiny_clips.data_root), overrides).config
    run = RunFolder.create(config)
    run.update_status(finished=True)
    network = build_network(catalog.model_row(murmur), config)
    progress = {"step": 2, "metrics": {}}
    save_checkpoint(run.best, state={"model": network}, model_name=murmur, config=to_plain(config), progress=progress)
    shutil.copytree(run.path, run.path.with_name("again"))
    videos = [path.relative_to(tiny_clips.data_root) for path in Path(tiny_clips.data_root).rglob("*.mp4")]
    rows = [{"name": path.with_suffix("").as_posix(), "source": str(path), "status": "ok"} for path in videos]
    manifest = Path(config.dataset.preprocessed_root, "manifest.jsonl")
    manifest.parent.mkdir(parents=True)
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "space.yaml").write_text("learning_rate: {low: 1e-4, high: 1e-2}\n")
    write_wav(tmp_path / "speech.wav", np.zeros(48000, np.float32), 16000)
    return run.path


@pytest.fixture
def before(trained: Path, tiny_clips: DemoConfig, tmp_path: Path) -> Files:
    """All files, so that a test can see that none has changed."""
    return files(tmp_path, Path(tiny_clips.data_root).parent)


@pytest.mark.parametrize("word", COMMANDS)
def test_no_command_writes(
    word: str, trained: Path, before: Files, tiny_clips: DemoConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    data = ["-d", tiny_clips.data_root, f"--filelist_root={tiny_clips.filelist_root}"]
    video = next(Path(tiny_clips.data_root).rglob("*.mp4"))
    generate = [f"--checkpoint={trained}", f"--face={video}", "--audio=speech.wav", "--output=new/out.mp4"]
    folders = [f"--generated={tiny_clips.data_root}", f"--real={tiny_clips.data_root}", "--output=numbers"]
    plans: dict[str, list[tuple[list[str], str]]] = {
        "run": [
            (["-m", "Murmur", *data], "faces and sound of 6 videos"),
            ([f"--checkpoint={trained}"], "dub and measure the test clips"),
        ],
        "prepare": [
            (data, "faces and sound of 6 videos"),
            (["-m", "Murmur", *data, "--img_size=64"], "64 px faces and constant mel"),
        ],
        "train": [(["-m", "Murmur", *data], "ends after 1000 epochs")],
        "evaluate": [
            ([f"--checkpoint={trained}"], "dub and measure the test clips"),
            (["-m", "Murmur", *data, "--saved_dir=saved"], "dub and measure the test clips"),
            (folders, "6 pairs of videos, to numbers"),
        ],
        "generate": [(generate, "[1/1] generate             new/out.mp4, 75 frames at 25 fps")],
        "list": [([], "Murmur"), (["--runs"], "again")],
        "compare": [([trained.name, "again"], f"would write saved/compare-{trained.name}-and-again.html")],
        "repeat": [(["-m", "Murmur", *data, "--seeds=0,1"], "seed 1 (2 of 2)")],
        "search": [(["-m", "Murmur", *data, "--space=space.yaml"], "loss as small as possible in 20 trials")],
        "check": [(["-m", "Murmur", *data], "[1/6] prepare")],
    }
    assert plans.keys() == COMMANDS.keys()
    for flags, message in plans[word]:
        device = [] if word in ("prepare", "list", "compare") else ["--device=cpu"]
        assert main([word, *flags, *device, "--dry-run"]) == 0, capsys.readouterr().err
        captured = capsys.readouterr()
        assert message in captured.out and captured.err == ""
        assert files(tmp_path, Path(tiny_clips.data_root).parent) == before


def test_the_plan_of_dubbing(trained: Path, tiny_clips: DemoConfig, capsys: pytest.CaptureFixture[str]):
    video = next(Path(tiny_clips.data_root).rglob("*.mp4"))
    generate = ["generate", f"--checkpoint={trained}", "--audio=speech.wav", "--output=new/out.mp4", "--device=cpu"]
    assert main([*generate, f"--face={video}", "--precision=bf16", "--dry-run"]) == 0
    checkpoint, device, face, sound, plan = capsys.readouterr().out.splitlines()
    assert checkpoint == f"checkpoint: {trained / 'checkpoints' / 'best.pth'}, Murmur after 2 steps on data"
    assert device == "device: cpu, bf16"
    assert face.startswith(f"face: {video}, about 40 frames at 25 fps; 160x160 pixels, a face of ")
    assert sound == "sound: speech.wav, 3.00 s"
    assert plan.endswith("; the sound is longer than the video, which is played backwards and forwards (loop=bounce)")

    cv2.imwrite("noise.png", np.full((64, 48, 3), 127, np.uint8))
    Path("out.mp4").touch()
    assert main([*generate[:3], "--output=out.mp4", "--device=cpu", "--face=noise.png", "--dry-run"]) == 0
    _, device, face, _, plan = capsys.readouterr().out.splitlines()
    assert device == "device: cpu, fp32"
    assert face == "face: noise.png, a still image; 48x64 pixels, warning: no face is found in the first frame"
    assert plan.endswith("out.mp4 (replaces the one that is there), 75 frames at 25 fps")


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--face=gone.mp4", "--face=gone.mp4: no such file"),
        ("--face=speech.wav", "speech.wav"),
        ("--audio=gone.wav", "--audio=gone.wav: no such file"),
        ("--audio=empty", "empty"),
        ("--checkpoint=gone", "gone: no such checkpoint"),
        ("--checkpoint=empty", "empty: damaged, or no checkpoint"),
        ("--model=Wav2Lip", "is of Murmur, not of Wav2Lip"),
        ("--output=out.avi", "output out.avi: wanted a name that ends in .mp4"),
        ("--output=speech.wav/out.mp4", "speech.wav is no folder that can be written to"),
        ("--output=face.mp4", "output face.mp4: is also an input and would be overwritten"),
        ("--output=folder.mp4", "output folder.mp4: is a folder"),
        ("--device=tpu", "device: got 'tpu', wanted auto, cpu, cuda"),
        ("--crf=99", "crf: wanted 0 to 51, got 99 (command line)"),
    ],
)
def test_what_dubbing_would_stumble_over_is_found(
    flag: str, message: str, trained: Path, tiny_clips: DemoConfig, capsys: pytest.CaptureFixture[str]
):
    shutil.copyfile(next(Path(tiny_clips.data_root).rglob("*.mp4")), "face.mp4")
    Path("empty").touch()
    Path("folder.mp4").mkdir()
    given = {"--checkpoint": str(trained), "--face": "face.mp4", "--audio": "speech.wav", "--output": "out.mp4"}
    name, _, value = flag.partition("=")
    argv = [f"{key}={one}" for key, one in {**given, name: value}.items()]
    assert main(["generate", *argv, "--dry-run"]) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1 and captured.out == ""


def test_a_place_that_cannot_be_written_to_is_found(
    trained: Path, tiny_clips: DemoConfig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    video = next(Path(tiny_clips.data_root).rglob("*.mp4"))
    argv = [f"--checkpoint={trained}", f"--face={video}", "--audio=speech.wav", "--output=new/out.mp4", "--dry-run"]
    assert main(["generate", *argv]) == 2
    assert "is no folder that can be written to; give another place" in capsys.readouterr().err


def test_an_unknown_metric_is_found_before_anything_is_dubbed(trained: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["evaluate", f"--checkpoint={trained}", "--device=cpu", "--metrics=psnr,shine", "--dry-run"]) == 2
    assert "shine" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["generate", "evaluate", "run"])
def test_the_configuration_of_a_checkpoint_is_shown(word: str, trained: Path, capsys: pytest.CaptureFixture[str]):
    assert main([word, f"--checkpoint={trained}", "--crf=30", "--print-config"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("# Murmur on data, ")
    assert any(line.startswith("crf: 30 ") and line.endswith("# command line") for line in lines)
    assert any(line.startswith("img_size: 64 ") and line.endswith("best.pth") for line in lines)


def test_the_configuration_where_there_is_no_model(trained: Path, capsys: pytest.CaptureFixture[str]):
    for argv in (["prepare", "-d", "demo"], ["evaluate", "--generated=a", "--real=b"]):
        assert main([*argv, "--show_progress=false", "--print-config"]) == 0
        out = capsys.readouterr().out
        assert "# run\n" in out and "# dataset\n" in out and "# model" not in out and "learning_rate" not in out
        assert "show_progress: false" in out
