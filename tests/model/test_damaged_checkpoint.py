"""A flipped bit or a weight that is not finite is found when a checkpoint is loaded, not by what comes out of it."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
import torch
from torch import nn

from talkingface import catalog
from talkingface.catalog.resolve import resolve
from talkingface.cli import program
from talkingface.config.loader import Overrides
from talkingface.model.checkpoint import Checkpoint, read_training, restore, save_checkpoint
from talkingface.model.trained import build_network
from talkingface.utils import files
from talkingface.utils.errors import CheckpointError, DiskError, MissingWeightsError
from talkingface.utils.files import as_disk_error, remove_leftovers
from talkingface.utils.torch_file import not_finite, read_torch_file
from talkingface.utils.weights import read_weights


@pytest.fixture
def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))


@pytest.fixture
def saved(network: nn.Module, tmp_path: Path) -> Path:
    path = tmp_path / "last.pth"
    save(path, network)
    return path


def save(path: Path, network: nn.Module) -> None:
    save_checkpoint(path, state={"model": network}, model_name="Tiny", config={}, progress={"step": 3, "metrics": {}})


def flip(path: Path, entry: str) -> None:
    """Turn one bit of an entry of a zip file, without changing its checksum."""
    with ZipFile(path) as archive:
        info = next(one for one in archive.infolist() if one.filename.endswith(entry))
    contents = bytearray(path.read_bytes())
    name_length, more_length = (int.from_bytes(contents[info.header_offset + k :][:2], "little") for k in (26, 28))
    contents[info.header_offset + 30 + name_length + more_length + 2] ^= 1
    path.write_bytes(contents)


@pytest.mark.parametrize("entry", ["data/0", "data/3", "data.pkl"])
def test_a_flipped_bit_is_found(saved: Path, network: nn.Module, entry: str) -> None:
    flip(saved, entry)
    with pytest.raises(CheckpointError, match=rf"last\.pth: damaged \(.*{entry}"):
        Checkpoint.read(saved).load_into(network)
    with pytest.raises(CheckpointError, match=rf"last\.pth: damaged \(.*{entry}"):
        restore(read_training(saved), {"model": network}, origin=saved)
    with pytest.raises(MissingWeightsError, match="damaged"):
        read_weights(saved)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_not_loaded(saved: Path, network: nn.Module, value: float) -> None:
    contents = torch.load(saved, weights_only=True)
    contents["state_dict"]["0.weight"][1, 2, 0, 0] = value
    torch.save(contents, saved)
    with pytest.raises(CheckpointError, match=r"last\.pth: 0\.weight holds values that are not finite"):
        Checkpoint.read(saved).load_into(network)
    with pytest.raises(CheckpointError, match=r"last\.pth: damaged, model\.0\.weight holds"):
        restore(read_training(saved), {"model": network}, origin=saved)


def test_parts_that_are_not_finite_are_neither_saved_nor_loaded(tmp_path: Path) -> None:
    network = nn.Linear(2, 2)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    state = {"model": network, "optimizer": optimizer}
    save_checkpoint(tmp_path / "a.pth", state=state, model_name="T", config={}, progress={"step": 1, "metrics": {}})
    contents = torch.load(tmp_path / "a.pth", weights_only=True)
    contents["parts"]["optimizer"]["state"][0]["exp_avg"][0] = float("inf")
    torch.save(contents, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=r"optimizer\.state\.0\.exp_avg"):
        restore(read_training(tmp_path / "a.pth"), state, origin=tmp_path / "a.pth")
    optimizer.state[network.weight]["exp_avg"][0] = float("inf")
    with pytest.raises(CheckpointError, match=r"exp_avg of optimizer"):
        save_checkpoint(tmp_path / "a.pth", state=state, model_name="T", config={}, progress={"step": 1, "metrics": {}})


def test_large_numbers_are_finite() -> None:
    assert not_finite({"a": [torch.full((4,), 3e38), torch.tensor([1])], "b": "text"}) is None
    assert not_finite({"a": [torch.zeros(2), {"c": torch.tensor([1.0, float("inf"), -float("inf")])}]}) == "a.1.c"


def test_the_old_format_has_no_checksums(network: nn.Module, tmp_path: Path) -> None:
    torch.save(network.state_dict(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert read_torch_file(tmp_path / "old.pth", mapped=True).keys() == network.state_dict().keys()


FILL = """
import resource, sys
from pathlib import Path
from torch import nn
from talkingface.cli import program
from talkingface.model.checkpoint import save_checkpoint

def save(arguments, may_restart):
    network = nn.Linear(1000, 1000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    progress = {"step": 9, "metrics": {}}
    save_checkpoint(Path(sys.argv[1]), state={"model": network}, model_name="T", config={}, progress=progress)

program._dispatch = save
sys.exit(program.main(["list"]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sets a limit that only POSIX has")
def test_a_file_that_does_not_fit_leaves_the_old_one(saved: Path) -> None:
    """A limit on the size of files stands for a full disk: the kernel refuses the write in the middle of it."""
    before = saved.read_bytes()
    done = subprocess.run([sys.executable, "-c", FILL, str(saved)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 3, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {saved}: not written (") and "what stood there before is whole" in line
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["last.pth"]


def test_which_errors_are_the_disks() -> None:
    assert as_disk_error(OSError(errno.EACCES, "no"), "a") is None
    assert as_disk_error(RuntimeError("cuda"), "a") is None
    by_torch = RuntimeError("unexpected pos 8768 vs 8662")
    by_torch.__context__ = OSError(errno.EFBIG, "File too large")
    assert isinstance(as_disk_error(by_torch, "a.pth"), DiskError)
    assert "No space" in str(as_disk_error(OSError(errno.ENOSPC, "No space left on device"), None))


def test_leftovers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    ours = [tmp_path / f"{files.TEMP_PREFIX}{'0123456789abcdef'}{suffix}" for suffix in ("", ".pth", ".json")]
    others = [tmp_path / name for name in ("last.pth", ".tmp-mine.pth", ".tmp-0123456789abcdef.tar.gz", ".lock")]
    for path in [*ours, *others]:
        path.write_bytes(b"1234")
    (tmp_path / ".tmp-0123456789abcde0").mkdir()
    assert remove_leftovers(tmp_path, tmp_path / "absent") == (3, 12)
    assert sorted(path for path in tmp_path.iterdir() if path.is_file()) == sorted(others)
    assert (tmp_path / ".tmp-0123456789abcde0").is_dir()


@pytest.mark.parametrize("command", ["generate", "evaluate"])
def test_weights_that_are_not_finite_end_a_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    config = resolve("Wav2Lip", "demo", Overrides(flags={"img_size": "96"})).config
    network = build_network(catalog.model_row("Wav2Lip"), config)
    weights = network.state_dict()
    next(iter(weights.values()))[0] = float("nan")
    torch.save({"state_dict": weights}, tmp_path / "wav2lip.pth")
    face, audio = tmp_path / "face.png", tmp_path / "sound.wav"
    face.touch()
    audio.touch()
    files = [f"--face={face}", f"--audio={audio}", f"--output={tmp_path / 'out.mp4'}"] if command == "generate" else []
    given = [f"--checkpoint={tmp_path / 'wav2lip.pth'}", "--model=Wav2Lip", "--device=cpu", *files]
    assert program.main([command, *given, *(["--dataset=demo"] if command == "evaluate" else [])]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {tmp_path / 'wav2lip.pth'}: ") and "holds values that are not finite" in line
    assert not (tmp_path / "out.mp4").exists()
