"""Keys of other projects: their files load, each key has one row, and the page prints the table."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from talkingface import catalog
from talkingface.catalog import resolve as resolving
from talkingface.catalog.resolve import resolve
from talkingface.config.foreign import Fixed, Mapped, Option
from talkingface.config.foreign_keys import ALIASES, FOREIGN, ROWS
from talkingface.config.foreign_page import PAGE, page_with_tables
from talkingface.config.keys import RETIRED
from talkingface.config.loader import Overrides, Resolved
from talkingface.config.plain import show
from talkingface.config.schema import ConfigError, RunConfig
from talkingface.config.typed import field_types

ROOT = Path(__file__).parents[2]
OLD = tuple(str(Path(__file__).parent / "moving_over" / name) for name in ("overall.yaml", "LRS2.yaml", "Wav2Lip.yaml"))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    resolving._tell_once.cache_clear()
    return tmp_path


def of_file(here: Path, text: str, model: str = "Wav2LipGAN", **flags: str) -> Resolved:
    (here / "old.yaml").write_text(text, encoding="utf-8")
    return resolve(model, "LRS2", Overrides(files=("old.yaml",), flags=flags))


def every_key() -> set[str]:
    kinds = [field_types(catalog.load(row.config)) for row in (*catalog.DATASETS, catalog.VIDEOS)]
    return set(field_types(RunConfig)).union(*kinds, catalog.all_model_keys())


def test_the_three_old_files_load_without_a_problem(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, logger="talkingface"):
        found = resolve("Wav2LipGAN", "LRS2", Overrides(files=OLD))
    keys = sum(len(re.findall(r"^\w+:", Path(path).read_text(encoding="utf-8"), re.MULTILINE)) for path in OLD)
    moved = found.moved
    counts = [len(group) for group in (moved.mapped, moved.idle, moved.fixed)]
    assert keys >= 54 and counts == [27, 25, 21] and not moved.not_followed
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(
        f"{', '.join(OLD)}: 73 keys of other projects, 27 mapped to ours, 25 without effect here, 21 "
    )
    model, run = found.config.model, found.config.run
    assert (run.device, run.precision, run.num_workers, run.resume) == ("auto", "fp32", 16, "never")
    assert run.lse_weights == "checkpoints/LSE/syncnet_v2.model"
    assert (model.train_batch_size, model.optimizer, model.grad_clip_norm) == (8, "adam", 5)
    assert (model.early_stopping, model.valid_every, model.save_every) == (10, 3000, 3000)
    assert (model.sync_weight, model.adversarial_weight) == (0.03, 0.07)
    assert model.expert_checkpoint == "checkpoints/lipsync_expert.pth"


@pytest.mark.parametrize("model", [name for name in catalog.model_names() if "Wav2Lip" in name])
def test_the_old_files_serve_every_model_of_their_project(model: str):
    found = resolve(model, "LRS2", Overrides(files=OLD)).config.model
    assert found.train_batch_size == (64 if model == "SyncNetWav2Lip" else 8)


@pytest.mark.parametrize("model", catalog.model_names())
def test_what_all_share_serves_every_model(model: str):
    assert resolve(model, "LRS2", Overrides(files=OLD[:2])).config.run.seed == 2023


def test_a_file_of_the_decoder(here: Path):
    decoder = str(Path(OLD[0]).with_name("HyperLips.yaml"))
    found = resolve("HyperLipsHR", "MEAD", Overrides(files=(OLD[0], decoder)))
    model, run = found.config.model, found.config.run
    assert (model.img_size, model.landmark_smoothing, model.disc_learning_rate) == (256, 2, 5e-4)
    assert (run.generate_pads, run.generate_batch_size) == ((0, 10, 0, 0), 32)
    assert not found.moved.not_followed and len(found.moved.fixed) == 6


def test_print_config_says_what_became_of_each_key():
    text = show(resolve("Wav2Lip", "LRS2", Overrides(files=OLD)))
    assert re.search(r"^optimizer: adam +# .*overall\.yaml:26, learner$", text, re.MULTILINE)
    listed = text.partition("# keys of other projects\n")[2].splitlines()
    assert len(listed) == 73
    assert f"# {OLD[0]}:26: learner: adam is optimizer: adam" in listed
    assert f"# {OLD[0]}:6: without effect here: state: {FOREIGN['state'].say}" in listed
    assert f"# {OLD[1]}:14: fixed here: hop_size: 200" in listed
    assert "other projects" not in show(resolve("Wav2Lip", "LRS2"))


def test_of_several_processes_the_first_tells(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RANK", "1")
    resolve("Wav2Lip", "LRS2", Overrides(files=OLD))
    assert not caplog.records


def test_what_is_printed_is_a_file_again(here: Path):
    first = resolve("Wav2Lip", "LRS2", Overrides(files=OLD))
    (here / "printed.yaml").write_text(show(first), encoding="utf-8")
    again = resolve("Wav2Lip", "LRS2", Overrides(files=("printed.yaml",)))
    assert again.config == first.config and again.moved.summary() is None


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("gpu_id: '0'", "device", "auto"),
        ("gpu_id: 1", "device", "cuda:1"),
        ("gpu_id: '0,1,2'", "device", "auto"),
        ("gpu_id: ''", "device", "cpu"),
        ("gpu_id: 3\nuse_gpu: False", "device", "cpu"),
        ("use_gpu: no\ngpu_id: 3", "device", "cpu"),
        ("use_gpu: True", "device", "auto"),
        ("gpu_id: 3\ndevice: cpu", "device", "cpu"),
        ("enable_amp: true", "precision", "auto"),
        ("resume: True", "resume", "auto"),
        ("resume: never", "resume", "never"),
        ("log_wandb: True", "logger", ("tensorboard", "jsonl", "wandb")),
        ("log_wandb: False", "logger", ("tensorboard", "jsonl")),
        ("reproducibility: True", "deterministic", True),
        ("optimizer: Adam", "optimizer", "adam"),
        ("learner: AdamW", "optimizer", "adamw"),
        ("clip_grad_norm: ~", "grad_clip_norm", None),
        ("clip_grad_norm: 2.5", "grad_clip_norm", 2.5),
        ("stopping_step: 0", "early_stopping", 1),
        ("syncnet_wt: 0.01", "sync_weight", 0.01),
        ("syncnet_checkpoint_path: None", "expert_checkpoint", None),
        ("checkpoint_path: ''", "initial_weights", None),
        ("pads: [0, 20, 0, 0]", "generate_pads", (0, 20, 0, 0)),
        ("nosmooth: True", "box_smoothing", 1),
        ("nosmooth: False", "box_smoothing", 5),
    ],
)
def test_values_are_translated_too(here: Path, text: str, key: str, value: object):
    config = of_file(here, text).config
    assert {**vars(config.run), **vars(config.dataset), **vars(config.model)}[key] == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hop_size: 256", "hop_size: 200 here and nothing else, got 256 (old.yaml:1); the published weights hear this"),
        ("optimizer: sgd", "optimizer: wanted adam or adamw, which are the optimizers here, got 'sgd' (old.yaml:1)"),
        ("learner: sgd", "learner: wanted adam or adamw, which are the optimizers here, got 'sgd' (old.yaml:1)"),
        (
            "gpu_id: first",
            "gpu_id: wanted the number of a GPU, or several with commas between, got 'first' (old.yaml:1)",
        ),
        ("use_gpu: perhaps", "use_gpu: wanted true or false, got 'perhaps' (old.yaml:1)"),
        ("clip_grad_norm: {norm_type: 1}", "clip_grad_norm: wanted max_norm, of the 2-norm, got {'norm_type': 1} (old"),
        ("pads: 3", "pads: wanted four numbers (top, bottom, left, right), got 3 (old.yaml:1)"),
        ("nepochs: many", "epochs: wanted a whole number, got 'many' (old.yaml:1)"),
        ("disc_wt: -1", "adversarial_weight: wanted 0 or more, got -1.0 (old.yaml:1)"),
        ("stopping_step: soon", "early_stopping: wanted a whole number, got 'soon' (old.yaml:1, stopping_step)"),
        ("outfile: a.mp4", "outfile: --output of the command line has its place (old.yaml:1)"),
        ("lr: 1\nlearning_rate: 1", "learning_rate: the same as 'learning_rate', which is given too (old.yaml:1, old"),
        (
            "initial_learning_rat: 1",
            "initial_learning_rat: unknown key (old.yaml:1); did you mean 'initial_learning_rate",
        ),
    ],
)
def test_what_cannot_be_followed_is_an_error_of_one_line(here: Path, text: str, message: str):
    with pytest.raises(ConfigError) as caught:
        of_file(here, text)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_a_value_that_is_not_followed_is_told(here: Path):
    (note,) = of_file(here, "shuffle: False\nsave_optimizer_state: no").notes
    told = "2 not followed (shuffle: false, here true; save_optimizer_state: no, here true)"
    assert note.startswith("old.yaml: 2 keys of other projects, 0 mapped") and told in note


def test_keys_of_the_recipe_alone_have_no_effect_on_an_expert(here: Path):
    found = of_file(here, "disc_wt: 0.07\nsyncnet_lr: 1e-3", model="SyncNetWav2Lip")
    assert found.config.model.learning_rate == 1e-3
    assert list(found.moved.idle.values()) == ["disc_wt: adversarial_weight, which this model has not"]


def test_what_is_said_of_the_expert_goes_to_it_where_it_is_trained_first(here: Path):
    text = "batch_size: 8\nsyncnet_batch_size: 32\nsyncnet_lr: 1e-3\n"
    main = of_file(here, text)
    assert (main.config.model.train_batch_size, main.config.model.learning_rate) == (8, 1e-4)
    assert "syncnet_lr: 0.001 is learning_rate of the expert" in main.moved.mapped.values()
    expert = resolve("SyncNetWav2Lip", "LRS2", Overrides(files=("old.yaml",)), asked_for=False).config.model
    assert (expert.train_batch_size, expert.learning_rate) == (32, 1e-3)
    assert list(of_file(here, "syncnet_lr: 1", "HyperLipsHR").moved.mapped.values()) == [
        "syncnet_lr: 1 is learning_rate of the expert"
    ]


def test_our_own_renamed_flags_are_not_told(here: Path):
    assert of_file(here, "seed: 1", lr="1e-3", batch_size="4").notes == ()
    assert of_file(here, "seed: 1", learner="adam").notes


def test_own_properties_hold_no_foreign_keys():
    foreign = {name for name, row in FOREIGN.items() if not (isinstance(row, Mapped) and row.ours == name)}
    for path in (ROOT / "talkingface/properties").rglob("*.yaml"):
        assert not foreign & set(re.findall(r"^(\w+):", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_row_is_whole():
    assert len(FOREIGN) == len(ROWS)
    known = every_key()
    for row in ROWS:
        assert row.of, row.name
        if isinstance(row, Mapped):
            assert row.ours in known and (row.name == row.ours or row.name not in known), row.name
        else:
            assert row.name not in known and (row.say or isinstance(row, Option)), row.name
        if isinstance(row, Fixed):
            assert row.agrees(row.values[0])
    assert not set(FOREIGN) & set(RETIRED) and set(ALIASES.values()) <= known


def test_the_page_prints_the_table():
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert page_with_tables(page) == page, "python -m talkingface.config.foreign_page writes it anew"
    tables = page.partition("## Keys")[2].partition("\n## Folders")[0]
    assert not [row.name for row in ROWS if f"`{row.name}`" not in tables]
