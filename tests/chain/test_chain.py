"""The real commands on a tiny prepared folder: two steps of every model, plans, resume, reuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from talkingface import catalog
from talkingface.chain.process import with_needs
from talkingface.chain.workspace import Workspace
from talkingface.cli.program import main
from talkingface.config.loader import Overrides
from talkingface.config.plain import read_config
from talkingface.model.checkpoint import Checkpoint
from talkingface.model.layers.hr_decoder import HRDecoder
from talkingface.model.trained import load_trained
from talkingface.trainer.run_folder import RunFolder, SavedRuns
from talkingface.utils.errors import CheckpointError

TINY = [
    "--dataset=toy", "--profile=none", "--device=cpu", "--precision=fp32", "--num_workers=0", "--show_progress=false",
    "--train_batch_size=2", "--evaluate_batch_size=2", "--valid_batches=1", "--max_steps=2", "--min_frames=16",
    "--prepare_workers=1",
]  # fmt: skip
PIXELS = ["--num_frames=1", "--sync_weight=0", "--adversarial_weight=0"]
ALONE = {
    "HyperLipsBase": ["--img_size=64", *PIXELS],
    "HyperLipsHR": ["--adversarial_weight=0", "--perceptual=none"],
    "Wav2Lip": PIXELS,
    "Wav2LipGAN": PIXELS,
}
"""What a model needs to train on its own and in little time."""
FIRST = {"HyperLipsHR": "HyperLipsBase"}
"""Models that need another one, which would take long with its own defaults."""


def find_runs(saved_dir: str, model: str | None = None, dataset: str | None = None, **status: bool) -> list[RunFolder]:
    return SavedRuns.read(saved_dir).matching(model=model, dataset=dataset, **status)


def files(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("model", [row.name for row in catalog.MODELS])
def test_two_steps_then_nothing_to_do(prepared: Path, capsys: pytest.CaptureFixture[str], model: str):
    if first := FIRST.get(model):
        assert main(["train", f"--model={first}", *TINY, *ALONE[first]]) == 0
    command = ["train", f"--model={model}", *TINY, *ALONE.get(model, [])]
    assert main(command) == 0
    (run,) = find_runs("saved", model, "toy", finished=True)
    header = Checkpoint.read(run.best).header
    assert (header.model_name, header.step) == (model, 2)
    assert read_config(run.config_file)["model"]["train_batch_size"] == 2
    row = catalog.model_row(model)
    Checkpoint.read(run.best).load_into(catalog.load(row.model)())
    assert f"weights  {run.best}" in capsys.readouterr().out

    before = files(prepared / "saved")
    assert main(command) == 0
    out = capsys.readouterr().out
    assert out.count("nothing to do") == out.count("\n[") + 1 > 1 and "has finished with this configuration" in out
    assert files(prepared / "saved") == before
    assert main(["train", f"--config_files={run.config_file}"]) == 0, "its configuration repeats it"
    assert f"{run.path} has finished with this configuration" in capsys.readouterr().out
    assert files(prepared / "saved") == before


def test_the_plan_of_two_stages_and_what_the_second_keeps_of_the_first(
    prepared: Path, capsys: pytest.CaptureFixture[str]
):
    second = ["--model=HyperLipsHR", *TINY, *ALONE["HyperLipsHR"]]
    assert main([*second, "--dry-run"]) == 0
    plan = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    assert [line.split("] ")[1].split("  ")[0] for line in plan] == [
        "prepare", "pack 128 px", "train SyncNet", "train HyperLipsBase", "data of HyperLipsHR", "train HyperLipsHR",
        "evaluate", "sample", "report",
    ]  # fmt: skip
    assert main(["train", "--model=HyperLipsBase", *TINY, *ALONE["HyperLipsBase"]]) == 0
    assert main(["train", *second]) == 0
    (first,), (run,) = find_runs("saved", "HyperLipsBase"), find_runs("saved", "HyperLipsHR")
    config = read_config(run.config_file)["model"]
    contents = torch.load(run.best, weights_only=True)
    assert (config["img_size"], contents["config"]["model"]["base_img_size"]) == (128, 64)
    kept = {k.removeprefix("base."): v for k, v in contents["state_dict"].items() if k.startswith("base.")}
    base = torch.load(first.best, weights_only=True)["state_dict"]
    assert kept.keys() == base.keys() and all(kept[key].equal(base[key]) for key in base)


def test_an_original_checkpoint_of_the_second_stage(prepared: Path):
    """It holds the decoder alone; the Base is given beside it."""
    decoder, base = HRDecoder(2), catalog.load(catalog.model_row("HyperLipsBase").model)()
    torch.save({"state_dict": {f"module.{key}": value for key, value in decoder.state_dict().items()}}, "hr.pth")
    torch.save({"state_dict": base.state_dict()}, "base.pth")
    flags = {"img_size": "256"}
    with pytest.raises(CheckpointError, match="decoder alone; give --base_checkpoint"):
        load_trained(Path("hr.pth"), model="HyperLipsHR", overrides=Overrides(flags=flags))
    given = Overrides(flags={**flags, "base_checkpoint": "base.pth"})
    network = load_trained(Path("hr.pth"), model="HyperLipsHR", overrides=given).network
    assert all(network.decoder.state_dict()[key].equal(value) for key, value in decoder.state_dict().items())
    assert all(network.base.state_dict()[key].equal(value) for key, value in base.state_dict().items())


def test_a_checkpoint_is_read_once_in_a_run_of_the_decoder(prepared: Path, monkeypatch: pytest.MonkeyPatch):
    """Header and weights together; the Base is needed by the check, by its faces, and by the training."""
    assert main(["train", "--model=HyperLipsBase", *TINY, *ALONE["HyperLipsBase"]]) == 0
    read: list[str] = []
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda path, *a, **k: read.append(Path(path).parts[-3]) or load(path, *a, **k))
    assert main(["train", "--model=HyperLipsHR", *TINY, *ALONE["HyperLipsHR"]]) == 0
    (base,) = find_runs("saved", "HyperLipsBase")
    assert read == [base.name]


def test_random_numbers_of_a_training_depend_on_its_seed_alone(prepared: Path):
    """Not on whether the networks that it needs had been loaded before."""
    assert main(["train", "--model=SyncNet", *TINY]) == 0
    drawn = []
    space = Workspace.of("toy", Overrides(flags={"num_workers": 0}, profile="none"))
    for _ in range(2):
        torch.manual_seed(3)
        with_needs(space, space.part("HyperLipsBase"), rebuilt=True)
        drawn.append(torch.rand(3))
    assert drawn[0].equal(drawn[1])


def test_the_plan_names_every_stage_and_writes_nothing(prepared: Path, capsys: pytest.CaptureFixture[str]):
    before = files(prepared)
    assert main(["--model=HyperLipsBase", *TINY, "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    plan = [line for line in lines if line.startswith("[")]
    assert [line.split("] ")[1].split("  ")[0] for line in plan] == [
        "prepare", "pack 128 px", "train SyncNet", "train HyperLipsBase", "evaluate", "sample", "report",
    ]  # fmt: skip
    assert "no finished run of SyncNet on toy" in plan[2] and "trained first" in plan[2]
    assert files(prepared) == before
    assert main(["check", "--model=HyperLipsBase", *TINY]) == 0
    assert "device: cpu" in capsys.readouterr().out and files(prepared) == before


def test_an_expert_that_is_there_is_taken_and_a_poor_one_is_told(prepared: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["train", "--model=SyncNet", *TINY]) == 0
    (run,) = find_runs("saved", "SyncNet")
    loss = Checkpoint.read(run.best).header.metrics["loss"]
    assert loss > 0.25
    capsys.readouterr()
    command = [
        "train",
        "--model=HyperLipsBase",
        *TINY,
        "--adversarial_weight=0",
        "--max_steps=1",
        "--train_batch_size=1",
    ]
    command.remove("--train_batch_size=2")
    command.remove("--max_steps=2")
    assert main([*command, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert f"expert: {run.best}, of the newest finished run" in out and "train SyncNet" not in out
    assert f"has a validation loss of {loss:.3f}" in out
    assert main(command) == 0
    (made,) = find_runs("saved", "HyperLipsBase")
    assert read_config(made.config_file)["model"]["expert_checkpoint"] == str(run.best)
    assert main(command) == 0
    assert len(find_runs("saved", "HyperLipsBase")) == 1


def test_an_expert_for_the_raw_clips_then_one_for_those_that_it_keeps(
    prepared: Path, capsys: pytest.CaptureFixture[str]
):
    """`bootstrap`: train on the clips as they are, measure with that, train expert and generator on what is kept."""
    bootstrap = [*TINY, "--sync_expert=bootstrap", "--max_offset=15"]
    assert main(["train", "--model=Wav2Lip", *bootstrap, "--dry-run"]) == 0
    plan = [line.split("] ")[1] for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    wanted = ("train SyncNetWav2Lip ", "measure sync ", "train SyncNetWav2Lip ", "train Wav2Lip ")
    assert all(line.startswith(stage) for line, stage in zip(plan[-4:], wanted, strict=True)), plan

    assert main(["train", "--model=SyncNetWav2Lip", *TINY]) == 0
    assert main(["train", "--model=SyncNetWav2Lip", *bootstrap]) == 0
    raw, kept = sorted(find_runs("saved", "SyncNetWav2Lip", finished=True), key=lambda run: run.path.name)
    assert (raw.status()["selection"], kept.status()["selection"]["max_offset"]) == ({}, 15)
    rows = [json.loads(line) for line in (prepared / "dataset/toy/packed/sync.jsonl").read_text().splitlines()]
    assert {row["name"] for row in rows} == {"anna/1", "anna/2", "bert/1", "bert/2", "cleo/1"}

    command = ["train", "--model=Wav2Lip", *bootstrap]
    assert main(command) == 0
    (run,) = find_runs("saved", "Wav2Lip", finished=True)
    assert read_config(run.config_file)["model"]["expert_checkpoint"] == str(kept.best)
    before = files(prepared / "saved")
    capsys.readouterr()
    assert main(command) == 0
    assert f"were measured by {raw.best}" in capsys.readouterr().out and files(prepared / "saved") == before


def test_a_run_that_was_cut_short_goes_on(prepared: Path, murmur: str, capsys: pytest.CaptureFixture[str]):
    command = ["train", f"--model={murmur}", *TINY]
    assert main(command) == 0
    (run,) = find_runs("saved")
    status = json.loads(run.status_file.read_text())
    run.status_file.write_text(json.dumps({**status, "finished": False}))
    capsys.readouterr()
    assert main(command) == 0
    assert f"continue {run.path}, which was cut short" in capsys.readouterr().out
    assert len(find_runs("saved")) == 1
    assert main([*command, "--resume=never"]) == 0
    assert len(find_runs("saved")) == 2


def test_mistakes_are_found_before_anything_is_written(prepared: Path, capsys: pytest.CaptureFixture[str]):
    before = files(prepared)
    torch.save({"state_dict": {"wrong": torch.zeros(1)}}, prepared / "wrong.pth")
    (prepared / "file").write_text("x")
    for flag, message in [
        ("--expert_checkpoint=gone.pth", "gone.pth: no such checkpoint"),
        ("--expert_checkpoint=wrong.pth", "do not fit SyncNet_color"),
        ("--device=cuda:99", "cuda:99"),
        ("--num_frames=3", "num_frames and sync_weight"),
        ("--saved_dir=file/saved", "file is a file, wanted a folder"),
        ("--preprocessed_root=empty", "no videos here, and no prepared clips in empty"),
    ]:
        flags = [one for one in TINY if not one.startswith(flag.split("=")[0] + "=")]
        assert main(["--model=HyperLipsBase", *flags, flag]) == 2
        captured = capsys.readouterr()
        assert message in captured.err and captured.err.startswith("error: ") and "Traceback" not in captured.err
    (prepared / "wrong.pth").unlink()
    (prepared / "file").unlink()
    assert files(prepared) == before


def test_prepare_alone_needs_no_model(prepared: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["prepare", "--dataset=toy", "--show_progress=false"]) == 0
    assert (prepared / "dataset/toy/filelist/train.txt").is_file()
    flags = ["--profile=none", "--show_progress=false", "--prepare_workers=1", "--img_size=32"]
    assert main(["prepare", "--model=HyperLipsBase", "--dataset=toy", *flags]) == 0
    assert (prepared / "dataset/toy/packed/packed_32_constant.jsonl").is_file()


def test_the_whole_chain_ends_with_a_report(prepared: Path, murmur: str, capsys: pytest.CaptureFixture[str]):
    """There are no videos to measure here: the report has the training."""
    assert main([f"--model={murmur}", *TINY]) == 0
    (run,) = find_runs("saved", murmur)
    report = run.path / "report.html"
    assert f"report   {report}" in capsys.readouterr().out
    assert "No evaluation was found" in report.read_text() and (run.path / "report.md").is_file()
    assert main([f"--model={murmur}", *TINY]) == 0
    assert f"nothing to do: {report} is of these files" in capsys.readouterr().out


def test_runs_are_listed(prepared: Path, murmur: str, capsys: pytest.CaptureFixture[str]):
    assert main(["list", "--runs"]) == 0
    assert "no runs in saved/" in capsys.readouterr().out
    assert main(["train", f"--model={murmur}", *TINY]) == 0
    capsys.readouterr()
    assert main(["list", "--runs"]) == 0
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if "finished" in line).split()
    assert out.startswith(f"{murmur} on toy: saved/Murmur-toy-") and "2" in row, out


def test_evaluate_wants_something_trained(prepared: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["evaluate", "--model=HyperLipsBase", *TINY]) == 2
    assert "no finished run of HyperLipsBase on toy" in capsys.readouterr().err
    assert main(["evaluate", "--checkpoint=gone"]) == 2
    assert "gone: no such checkpoint" in capsys.readouterr().err
