"""docs/add_a_model.md does what it says, from rendered videos to a dubbed one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from talkingface.cli.program import main
from talkingface.demo.config import DemoConfig
from talkingface.quick_start import evaluate, get_model, get_trainer, run
from talkingface.trainer.trainer import Trainer
from talkingface.utils.media.video import probe


def test_the_page_runs_from_videos_to_a_dubbed_one(
    murmur: str,
    tiny_clips: DemoConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)
    flags = {
        "filelist_root": tiny_clips.filelist_root, "device": "cpu", "show_progress": False, "num_workers": 0,
        "img_size": 64, "train_batch_size": 2, "max_steps": 2, "valid_batches": 1, "prepare_workers": 1,
    }  # fmt: skip
    lines: list[str] = []
    chain = run(murmur, tiny_clips.data_root, config_dict=flags, profile="none", say=lines.append)
    assert [line.split()[1] for line in lines if line.startswith("[")] == [
        "prepare", "pack", "train", "evaluate", "sample", "report",
    ]  # fmt: skip
    assert chain.run is not None and chain.evaluation is not None and chain.evaluation.sample is not None
    assert probe(chain.evaluation.sample).has_audio
    assert (chain.run.path / "evaluation/evaluation.md").is_file()
    page = (chain.run.path / "report.html").read_text(encoding="utf-8")
    assert page.count("data:video/mp4") >= 2 and "opening r" in page
    assert any(line.startswith("video ") and line.endswith("sample.mp4") for line in lines)

    face = next(Path(tiny_clips.data_root).rglob("*.mp4"))
    command = ["generate", f"--checkpoint={chain.run.path}", f"--face={face}", f"--audio={face}", "--output=out.mp4"]
    assert main([*command, "--device=cpu", "--show_progress=false"]) == 0
    made, real = probe(tmp_path / "out.mp4"), probe(face)
    assert (made.width, made.height, made.has_audio) == (real.width, real.height, True)
    assert "out.mp4: 40 frames at 25 fps" in capsys.readouterr().out

    assert main(["evaluate", f"--checkpoint={chain.run.path}", "--device=cpu", "--show_progress=false"]) == 0
    out = capsys.readouterr().out
    assert "real videos" in out and "report.html is of these files" in out, "measured again, with the same numbers"
    again = evaluate(murmur, tiny_clips.data_root, config_dict=flags, profile="none", say=lines.append)
    assert again.folder == chain.run.path / "evaluation"

    # another folder of the same name must not be mixed with this one
    other = tmp_path / "other" / "data" / "anna"
    other.mkdir(parents=True)
    shutil.copy(face, other / "1.mp4")
    assert main(["prepare", "--dataset=other/data"]) == 2
    assert "was prepared from" in capsys.readouterr().err


def test_the_page_is_listed(murmur: str, capsys: pytest.CaptureFixture[str]):
    assert main(["list"]) == 0
    assert "Murmur" in capsys.readouterr().out
    assert get_model(murmur).__name__ == murmur and get_trainer(murmur) is Trainer
