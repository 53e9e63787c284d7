"""The toolkit as functions: all names are there, light to import, and do what the commands do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from talkingface import quick_start
from talkingface.model.checkpoint import Checkpoint
from talkingface.quick_start import evaluate, train
from talkingface.utils.errors import UserError

FLAGS = {
    "device": "cpu", "show_progress": False, "num_workers": 0, "train_batch_size": 2, "max_steps": 2,
    "valid_batches": 1, "prepare_workers": 1,
}  # fmt: skip


def test_every_name_is_there_and_no_other():
    for name in quick_start.__all__:
        assert callable(getattr(quick_start, name)) and name in dir(quick_start)
    with pytest.raises(AttributeError, match="has no attribute 'runs'"):
        quick_start.runs  # noqa: B018 (asking is the test)


def test_importing_it_imports_no_torch():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import talkingface.quick_start as q; dir(q)\n"
        "print('torch' in sys.modules, 'run' in q.__all__)"
    )
    root = str(Path(quick_start.__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", code, root], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False True\n"


def test_train_ends_with_the_weights(prepared: Path, murmur: str):
    plan: list[str] = []
    train(murmur, "toy", config_dict=FLAGS, profile="none", dry_run=True, say=plan.append)
    assert not (prepared / "saved").exists() and "ends after 2 steps" in plan[-1]
    lines: list[str] = []
    chain = train(murmur, "toy", config_dict=FLAGS, profile="none", say=lines.append)
    assert chain.run is not None and Checkpoint.read(chain.run.best).header.step == 2
    assert [line.split()[1] for line in lines if line.startswith("[")] == ["prepare", "pack", "train"]

    # what was trained is found again by its checkpoint and by its names; its clips have no videos to measure
    for given in ({"checkpoint": str(chain.run.path)}, {"model": murmur, "dataset": "toy", "config_dict": FLAGS}):
        said: list[str] = []
        judgement = evaluate(**given, profile="none", dry_run=True, say=said.append)
        assert judgement.folder is None and said[0].startswith("[1/2] evaluate")


def test_evaluate_wants_weights_or_names(prepared: Path):
    with pytest.raises(UserError, match="needs --checkpoint, or --model and --dataset"):
        evaluate("Wav2Lip")
    with pytest.raises(UserError, match="no finished run of Wav2Lip on toy"):
        evaluate("Wav2Lip", "toy")
