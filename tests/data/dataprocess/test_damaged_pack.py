"""Packed arrays that are damaged or gone name their clip, and are made again where the prepared clips are there."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from talkingface.data.dataprocess import packing
from talkingface.data.dataprocess.packing import is_packed, pack
from talkingface.data.dataset.store import open_clips
from talkingface.utils.errors import UserError


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def flip_header(path: Path) -> None:
    contents = bytearray(path.read_bytes())
    contents[20] ^= 1
    path.write_bytes(contents)


def flip_in_the_middle(path: Path) -> None:
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 2] ^= 1
    path.write_bytes(contents)


@pytest.mark.parametrize("array", ["32/s/b.npy", "mel_constant/s/b.npy"])
@pytest.mark.parametrize("damage", [cut_off, flip_header, flip_in_the_middle, Path.unlink])
def test_damage_is_told_and_mended(
    tmp_path, make_data, write_clip, write_lists, monkeypatch, caplog, array, damage
) -> None:
    monkeypatch.setattr(packing, "cores", lambda _: 0)
    data = make_data(tmp_path)
    for name in "ab":
        write_clip(Path(data.preprocessed_root) / "imgs" / "s" / name, range(20))
    write_lists(data, train=["s/a", "s/b"])
    pack(data, img_size=32, show_progress=False)
    path = Path(data.packed_root) / array
    before = path.read_bytes()
    assert is_packed(data, img_size=32)
    damage(path)
    if damage is cut_off:
        with pytest.raises(UserError, match=r"b\.npy: s/b is damaged, [\d,]+ bytes where [\d,]+ were packed"):
            open_clips(data, "train", 32, "constant")
    assert not is_packed(data, img_size=32)
    with caplog.at_level(logging.WARNING):
        assert pack(data, img_size=32, show_progress=False).made == 1
    assert caplog.messages == [f"damaged or gone, made again: {path}"]
    assert path.read_bytes() == before
    assert len(open_clips(data, "train", 32, "constant")) == 2
