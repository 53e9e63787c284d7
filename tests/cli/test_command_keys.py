"""What a command does not take is refused: options of other commands, keys that would do nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from talkingface import catalog
from talkingface.cli.arguments import OPTIONS, parse
from talkingface.cli.keys import DATASET, GROUPS, TAKES, idle_keys, part_of
from talkingface.cli.program import main
from talkingface.cli.rows import COMMANDS
from talkingface.config.schema import RunConfig
from talkingface.config.typed import field_types


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def every_key() -> set[str]:
    """Keys of all schemas, found by the catalog's own means."""
    kinds = [field_types(catalog.load(row.config)) for row in (*catalog.DATASETS, catalog.VIDEOS)]
    return set(field_types(RunConfig)).union(*kinds, catalog.all_model_keys())


def test_the_table_names_keys_that_there_are():
    named = {key for keys in GROUPS.values() for key in keys}
    assert named <= every_key()
    assert {group for taken in TAKES.values() for group in taken.groups} == {*GROUPS, DATASET}
    assert {use.split()[0] for use in TAKES} <= set(COMMANDS)


@pytest.mark.parametrize("word", ["run", "train", "check"])
def test_every_key_is_taken_by_what_does_everything(word: str):
    assert idle_keys(word, parse([f"--{key}=1" for key in every_key()])) == []


def test_every_key_has_a_part():
    assert {part_of(key) for key in every_key()} == {"run", "dataset", "model"}
    assert part_of("shine") is None


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("train --face=a", "--face: not an option of train; generate takes it"),
        ("generate --runs", "--runs: not an option of generate; list takes it"),
        ("prepare --generated=a", "--generated: not an option of prepare; evaluate takes it"),
        ("prepare --output=a", "--output: not an option of prepare; evaluate and generate take it"),
        ("generate -d demo", "--dataset: not an option of generate; run, prepare, train, evaluate, repeat, search and"),
        ("list --print-config", "--print-config: not an option of list; run, "),
        ("train --checkpoint=a", "--checkpoint: names weights to evaluate or to dub with (evaluate, generate)"),
        ("train --evaluate_model_file=a", "takes --initial_weights=RUN or =FILE.pth"),
        ("generate --learning_rate=1", "--learning_rate: does nothing for generate, whose weights are trained already"),
        ("generate --data-root=a", "--data_root: does nothing for generate, which needs no dataset"),
        ("generate --seed=1", "--seed: does nothing for generate, which dubs one video and no more"),
        ("prepare --epochs=1", "--epochs: does nothing for prepare, which trains nothing, and packs faces only with"),
        ("prepare --batch_size=1", "--batch_size: does nothing for prepare, which trains nothing"),
        ("prepare --metrics=psnr", "--metrics: does nothing for prepare, which prepares the data and no more"),
        ("prepare -m SyncNet --lr=1", "--lr: does nothing for prepare --model, which trains nothing"),
        ("evaluate --checkpoint=a --epochs=1", "--epochs: does nothing for evaluate --checkpoint, whose weights are"),
        ("evaluate --checkpoint=a --min_face=1", "does nothing for evaluate --checkpoint, whose clips are prepared"),
        ("run --checkpoint=a --resume=never", "--resume: does nothing for evaluate --checkpoint, which trains nothing"),
        (
            "evaluate --generated=a --real=b --img_size=64",
            "does nothing for evaluate --generated, which needs no model",
        ),
        ("evaluate --generated=a --real=b --demo_size=96", "evaluate --generated, which needs no dataset"),
        ("list --epochs=1", "--epochs: does nothing for list, which reads saved_dir and no other key"),
        ("compare a b --shine=1", "--shine: does nothing for compare, which reads saved_dir and no other key"),
    ],
)
def test_what_a_command_does_not_take_is_an_error_of_one_line(
    argv: str, message: str, here: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(argv.split()) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: --") and message in captured.err and captured.err.count("\n") == 1
    assert captured.out == "" and not list(here.iterdir())


@pytest.mark.parametrize("word", COMMANDS)
def test_no_command_takes_an_option_that_its_help_does_not_have(word: str, capsys: pytest.CaptureFixture[str]):
    for name in OPTIONS.keys() - COMMANDS[word].options.keys():
        assert main([word, f"--{name}=x"]) == 2
        assert f"--{name}: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv",
    [
        "generate --crf=20 --device=cpu --crop_pads=0,0,0,0 --img_size=96 --detail=1 --loop=bounce",
        "prepare --prepare_workers=2 --mead_views=front --demo_size=96 --jpeg_quality=90 --show_progress=false",
        "prepare --sync_expert=bootstrap --device=cpu --saved_dir=a --log_dir=b --resume=never",
        "prepare -m HyperLipsBase --img_size=64 --sync_weight=0",
        "evaluate --checkpoint=a --metrics=psnr --data_root=a --seed=1 --lse_weights=w --crf=20 --img_size=96",
        "evaluate --generated=a --real=b --metrics=psnr --sync_expert=e --crop_pads=0,0,0,0 --saved_dir=s",
        "evaluate -m SyncNet -d demo --learning_rate=1 --jpeg_quality=90 --checkpoint_dir=s",
        "list --saved_dir=a",
        "compare a b --checkpoint_dir=a",
    ],
)
def test_keys_that_are_read_are_taken(argv: str):
    arguments = parse(argv.split())
    assert idle_keys(arguments.words[0], arguments) == []


def test_keys_of_another_packages_model_are_left_to_its_configuration(murmur: str):
    """`width` may describe the network of a checkpoint of another project: only the package knows."""
    assert "width" in catalog.all_model_keys()
    assert idle_keys("generate", parse(["generate", "--width=8"])) == []


def test_a_shared_file_may_hold_keys_of_every_command(here: Path, capsys: pytest.CaptureFixture[str]):
    (here / "mine.yaml").write_text("learning_rate: 1e-3\nseed: 7\n")
    assert main(["prepare", "-d", "demo", "--config_files=mine.yaml", "--dry-run"]) == 0
    assert "[1/2] render" in capsys.readouterr().out


def test_all_that_is_wrong_comes_together(capsys: pytest.CaptureFixture[str]):
    assert main(["generate", "there", "--dataset=demo", "--runs", "--learning_rate=1", "--seed=1"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "error: 5 problems" and len(lines) == 6
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "there",
        "--dataset",
        "--runs",
        "--learning_rate",
        "--seed",
    ]
