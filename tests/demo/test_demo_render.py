"""The rendered folder: whole files, lists, continuing after a kill, other settings, other people's videos."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from talkingface.demo import render
from talkingface.demo.config import DemoClip
from talkingface.utils.errors import UserError
from talkingface.utils.media.video import probe

if TYPE_CHECKING:
    from talkingface.demo.config import DemoConfig


def small(root: Path, **changes: Any) -> DemoConfig:
    from talkingface.demo.config import DemoConfig

    given: dict[str, Any] = {
        "demo_identities": 2, "demo_unseen_identities": 1, "demo_clips": 2, "demo_val_clips": 1,
        "demo_test_clips": 0, "demo_seconds": 1.0, "demo_size": 96,
    }  # fmt: skip
    return DemoConfig(
        data_root=str(root / "data"), filelist_root=str(root / "lists"), preprocessed_root=str(root / "p"),
        packed_root=str(root / "k"), **{**given, **changes},
    )  # fmt: skip


def fake_clip(config: DemoConfig, clip: DemoClip) -> int:
    """Stands for `render_clip` where the content does not matter."""
    path = Path(config.data_root) / f"{clip.name}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.write_bytes(f"{clip.name} {config.demo_seed}".encode())


def test_clips_are_ordinary_videos_with_lists_and_nothing_beside_them(tiny_clips: DemoConfig) -> None:
    root = Path(tiny_clips.data_root)
    videos = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    names = [f"id{who:02d}/take{take:02d}" for who in range(3) for take in range(2)]
    assert videos == [render.STAMPS, *(f"{name}.mp4" for name in names)]
    for name in names:
        info = probe(root / f"{name}.mp4")
        assert (info.width, info.height, info.fps, info.frames, info.has_audio) == (160, 160, 25, 40, True)
    lists = [(Path(tiny_clips.filelist_root) / f"{s}.txt").read_text().split() for s in ("train", "val", "test")]
    assert sorted(name for part in lists for name in part) == names and [len(part) for part in lists] == [4, 1, 1]
    assert render.missing_files(tiny_clips) == []


def test_nothing_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from talkingface.demo.photos import load_photos

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    load_photos.cache_clear()
    config = small(tmp_path, demo_identities=1, demo_unseen_identities=0, demo_clips=1, demo_val_clips=0)
    [video] = render.render_demo(config, workers=0, show_progress=False)
    assert probe(video).frames == 25


def test_goes_on_where_it_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, done = small(tmp_path), []

    def dies_at_the_third(config: DemoConfig, clip: DemoClip) -> int:
        if len(done) == 2:
            (Path(config.data_root) / "id00" / ".tmp-0123.mp4").write_bytes(b"half")
            raise KeyboardInterrupt
        done.append(clip.name)
        return fake_clip(config, clip)

    monkeypatch.setattr(render, "render_clip", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        render.render_demo(config, workers=0, show_progress=False)
    # A clip whose stamp was never written does not count.
    fake_clip(config, DemoClip(1, 0))
    again: list[str] = []
    monkeypatch.setattr(render, "render_clip", lambda c, clip: again.append(clip.name) or fake_clip(c, clip))
    assert len(render.missing_files(config)) == 2 + 3
    paths = render.render_demo(config, workers=0, show_progress=False)
    assert done == ["id00/take00", "id00/take01"] and again == ["id01/take00", "id01/take01"]
    assert all(path.is_file() for path in paths) and not list(tmp_path.rglob(".tmp-*"))
    assert render.missing_files(config) == []


def test_other_settings_render_again_and_drop_what_is_no_longer_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "render_clip", fake_clip)
    config = small(tmp_path)
    render.render_demo(config, workers=0, show_progress=False)
    assert len(render.missing_files(replace(config, demo_seed=1))) == 4
    fewer = replace(config, demo_identities=1, demo_unseen_identities=0)
    assert [path.name for path in render.missing_files(fewer)] == ["test.txt"]
    render.render_demo(fewer, workers=0, show_progress=False)
    assert not list(Path(config.data_root).glob("id01/*.mp4"))
    assert render.render_demo(fewer, workers=0, show_progress=False)[0].read_text() == "id00/take00 0"


def test_a_folder_of_other_videos_is_left_alone(tmp_path: Path) -> None:
    config = small(tmp_path)
    mine = tmp_path / "data" / "id00" / "take00.mp4"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    with pytest.raises(UserError, match="not rendered by the demo"):
        render.render_demo(config, workers=0, show_progress=False)
    assert mine.read_bytes() == b"mine"


def test_a_clip_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(config: DemoConfig, clip: DemoClip) -> int:
        if clip.identity:
            raise RuntimeError("no paint left")
        return fake_clip(config, clip)

    monkeypatch.setattr(render, "render_clip", fails)
    with pytest.raises(UserError, match=r"2 of 4 clips.*id01/take00: RuntimeError: no paint left"):
        render.render_demo(small(tmp_path), workers=0, show_progress=False)


def test_it_renders_where_nobody_knows_which_cores_may_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")  # as on Windows and macOS
    seen = []

    def tasks(function: Any, items: list[Any], *, workers: int, on_result: Any, **_: Any) -> list[Any]:
        seen.append(workers)
        return [("ok", fake_clip(function.args[0], clip)) for clip in items]

    monkeypatch.setattr(render, "run_tasks", tasks)
    render.render_demo(small(tmp_path, prepare_workers=0), show_progress=False)
    render.render_demo(small(tmp_path, prepare_workers=7), show_progress=False)
    assert seen == [os.cpu_count(), 7]
